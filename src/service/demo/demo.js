/* global document, fetch, AbortController, URL, location */
import { follow } from './feed-stream.js';

const MAX_SHOWN = 200;
const TASKS = ['Export of March', 'Import of 1,204 contacts', 'Nightly report', 'Video thumbnail', 'Backup'];
const CUSTOMERS = ['Lin Chen', 'Amara Okafor', 'Jonas Weber', 'Priya Nair', 'Sofia Rossi'];

/** Tokens live for an hour; each session brings new ones. */
let session = null;

async function renewSession() {
  const response = await fetch('/demo/session');
  if (!response.ok) throw new Error(`The demo gives no session: ${response.status}.`);
  session = await response.json();
}

function showProblem(text) {
  const line = document.getElementById('problem');
  line.textContent = text;
  line.hidden = text === '';
}

/** One user: what the feed says on top, the raw frames below. Everything is put in as text, never as HTML. */
class Panel {
  constructor(name) {
    const { content } = document.getElementById('panel');
    this.name = name;
    this.root = content.cloneNode(true).firstElementChild;
    this.items = this.find('.items');
    this.frames = this.find('.frames');
    this.feed = { lastEventId: '0', retryMs: 1_000 };
    this.unread = 0;
    this.head = 0;
    this.find('.name').textContent = name;
    this.find('.toggle').addEventListener('click', () => this.toggle());
    for (const button of this.root.querySelectorAll('[data-publish]')) {
      button.addEventListener('click', () => publish(button.dataset.publish, name));
    }
    document.getElementById('panels').append(this.root);
    this.toggle();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  toggle() {
    if (this.connection) {
      this.connection.abort();
      this.connection = null;
      this.showState('offline', 'offline');
    } else {
      this.connection = new AbortController();
      this.showState('waiting', 'connecting');
      let first = true;
      const token = async () => {
        if (!first) await renewSession();
        first = false;
        return session.users.find((user) => user.name === this.name).token;
      };
      void follow(this.feed, token, (frame) => this.take(frame), this.connection.signal);
    }
    this.find('.toggle').textContent = this.connection ? 'Go offline' : 'Go online';
  }

  showState(state, text) {
    this.find('.state').dataset.state = state;
    this.find('.state').textContent = text;
  }

  showUnread(count) {
    this.unread = count;
    this.find('.unread').textContent = String(count);
  }

  take(frame) {
    if (frame === null) return this.showState('waiting', 'reconnecting');
    this.showFrame(frame);
    if (frame.data === '') return;
    const data = JSON.parse(frame.data);
    switch (frame.event) {
      case 'feed.ready':
        this.head = place(data.head);
        this.showState('live', 'live');
        this.showUnread(data.unread);
        break;
      case 'feed.closing':
        this.showState('waiting', `closed: ${data.reason}`);
        break;
      case 'feed.reset':
        this.items.replaceChildren();
        break;
      default:
        if (frame.event.startsWith('feed.')) this.applyState(frame.event, data);
        else this.showItem(data);
    }
  }

  showItem(item) {
    for (const id of item.replaces) this.items.querySelector(`[data-id="${id}"]`)?.remove();
    const line = document.createElement('li');
    line.dataset.id = item.id;
    line.dataset.place = place(item.cursor);
    line.classList.toggle('read', item.readAt !== null);
    line.append(element('span', 'title', item.title), element('time', '', clock(item.createdAt)));
    if (item.body) line.append(element('span', 'body', item.body));
    if (item.link && isSafe(item.link)) {
      const link = element('a', 'body', item.link);
      link.href = item.link;
      link.rel = 'noreferrer';
      line.append(link);
    }
    this.items.prepend(line);
    while (this.items.childElementCount > MAX_SHOWN) this.items.lastElementChild.remove();
    // The counts of feed.ready are those at the head; only what comes after it is new.
    if (place(item.cursor) > this.head && item.readAt === null) this.showUnread(this.unread + 1);
  }

  applyState(event, data) {
    for (const line of [...this.items.children]) {
      const meant = data.ids ? data.ids.includes(line.dataset.id) : line.dataset.place <= place(data.upTo);
      if (!meant) continue;
      if (event === 'feed.read' || event === 'feed.unread') {
        line.classList.toggle('read', event === 'feed.read');
      } else if (event === 'feed.removed' || event === 'feed.archived') line.remove();
    }
    this.showUnread(data.unread);
  }

  showFrame(frame) {
    const atEnd = this.frames.scrollHeight - this.frames.scrollTop - this.frames.clientHeight < 40;
    this.frames.append(element('pre', frame.raw.startsWith(':') ? 'comment' : '', frame.raw));
    while (this.frames.childElementCount > MAX_SHOWN) this.frames.firstElementChild.remove();
    if (atEnd) this.frames.scrollTop = this.frames.scrollHeight;
  }
}

async function publish(type, to) {
  const number = Math.floor(Math.random() * 9_000) + 1_000;
  const pick = (list) => list[number % list.length];
  const data =
    type === 'task-completed'
      ? {
          taskId: `task-${number}`,
          title: pick(TASKS),
          status: number % 4 ? 'succeeded' : 'failed',
          durationMs: number,
        }
      : {
          orderId: `A-${number}`,
          customer: pick(CUSTOMERS),
          items: (number % 5) + 1,
          total: { amount: number * 3, currency: 'EUR' },
        };
  try {
    const response = await fetch('/v1/notifications', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-API-Key': session.producerApiKey },
      body: JSON.stringify({ type, to, data }),
    });
    const answer = await response.json();
    showProblem(response.ok ? '' : `Not published: ${answer.detail ?? answer.title ?? response.status}`);
  } catch (error) {
    showProblem(`Not published: ${error.message}`);
  }
}

/** The number in a cursor. */
function place(cursor) {
  return Number(cursor.slice(cursor.lastIndexOf('-') + 1));
}

function clock(iso) {
  return new Date(iso).toLocaleTimeString();
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** The server checks links, too; a page checks again where it renders them. */
function isSafe(link) {
  return ['http:', 'https:'].includes(new URL(link, location.href).protocol);
}

try {
  await renewSession();
  for (const user of session.users) new Panel(user.name);
} catch (error) {
  showProblem(error.message);
}
