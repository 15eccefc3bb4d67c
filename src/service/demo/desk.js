/* global document, performance, requestAnimationFrame, setTimeout */
import { createFeed } from './tidings-element.js';
import { createPush } from './tidings-push.js';
import { Frames } from './frames.js';
import { ageOf, send } from './jobs.js';

const STATES = {
  closed: 'cut',
  connecting: 'connecting',
  live: 'live',
  offline: 'reconnecting',
  stopped: 'stopped',
};
const BURST = Array.from({ length: 100 }, (_, index) => (index % 2 ? 'new-order' : 'task-completed'));

/** The page allows script addresses by policies alone (Trusted Types). */
const SERVICE_WORKER =
  globalThis.trustedTypes
    ?.createPolicy('demo', { createScriptURL: (url) => url })
    .createScriptURL('/demo/service-worker.js') ?? '/demo/service-worker.js';

const milliseconds = (ms) => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

/** Such as "delivered", or "98 delivered, 2 queued". */
function summaryOf(outcomes) {
  const kinds = [...new Set(outcomes)];
  if (outcomes.length === 1) return outcomes[0];
  return kinds.map((kind) => `${outcomes.filter((each) => each === kind).length} ${kind}`).join(', ');
}

/** One person's side of the page. It uses the public client only. */
export class Desk {
  constructor({ name, getToken, apiKey, push, showProblem }) {
    const { content } = document.getElementById('desk');
    this.root = document.importNode(content, true).firstElementChild;
    this.name = name;
    this.apiKey = apiKey;
    this.showProblem = showProblem;
    this.received = 0;
    this.cursor = '';
    /** The position at which the connection was cut, and the entries since it was restored. */
    this.cut = null;
    this.frames = new Frames(this.find('.frames'));
    this.find('.name').textContent = name;
    this.find('.face').textContent = name.charAt(0).toUpperCase();
    this.root.dataset.name = name;

    // Two people on one page have two tokens; of a page with one person all tabs would share a connection.
    this.feed = createFeed({ getToken, tabs: 'alone', pageSize: 50 });
    for (const element of this.root.querySelectorAll('tidings-bell, tidings-toasts'))
      element.feed = this.feed;
    this.feed.subscribe(() => this.showState());
    this.feed.on('feed.frame', (frame) => this.takeFrame(frame));
    this.feed.on('message', (item) => this.takeItem(item));

    for (const button of this.root.querySelectorAll('[data-send]')) {
      button.addEventListener('click', () => void this.send(button));
    }
    this.find('.switch').addEventListener('click', () => this.flip());
    this.showState();

    if (!push) return;
    const pushed = createPush({ getToken, serviceWorker: SERVICE_WORKER, scope: '/demo' });
    for (const bell of this.root.querySelectorAll('tidings-bell')) bell.push = pushed;
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  fact(name, text) {
    this.find(`[data-fact=${name}]`).textContent = text;
  }

  async send(button) {
    const kind = button.dataset.send;
    if (button.ariaBusy === 'true') return;
    button.ariaBusy = 'true';
    try {
      const to = kind === 'announcement' ? { audience: 'all' } : this.name;
      const outcomes = await send(kind === 'burst' ? BURST : [kind], to, this.apiKey);
      this.fact('outcome', summaryOf(outcomes));
      this.showProblem('');
    } catch (error) {
      this.showProblem(`Not sent: ${error.message}`);
    }
    button.ariaBusy = null;
  }

  flip() {
    const on = this.find('.switch').ariaChecked !== 'true';
    this.find('.switch').ariaChecked = String(on);
    if (on) {
      this.cut = { ...this.cut, since: performance.now(), count: 0 };
      this.frames.note(`# connected again, from ${this.cursor || 'the beginning'}`);
      this.feed.open();
    } else {
      this.cut = { from: this.cursor };
      this.find('.caught-up').hidden = true;
      this.feed.close();
      this.frames.note('# connection cut');
    }
  }

  takeFrame(frame) {
    this.frames.show(frame);
    this.cursor = frame.id;
    this.fact('cursor', frame.id);
    if (frame.event === 'feed.ready' && this.cut?.since) this.cut.head = JSON.parse(frame.data).head;
    // The frames before the head are the catch-up; the notification listeners are called right after.
    if (this.cut?.head === frame.id) requestAnimationFrame(() => this.caughtUp());
  }

  takeItem(item) {
    this.received++;
    this.fact('received', String(this.received));
    if (this.cut?.since) this.cut.count++;
    const ageMs = ageOf(item);
    // An entry that waited for a connection does not show the latency.
    if (ageMs === undefined || this.cut) return;
    const arrived = performance.now();
    this.fact('arrival', milliseconds(ageMs));
    // A callback of the next animation frame runs before it is drawn; a timer set in it runs after.
    requestAnimationFrame(() =>
      setTimeout(() => this.fact('latency', milliseconds(ageMs + performance.now() - arrived))),
    );
  }

  caughtUp() {
    if (!this.cut?.head) return;
    const { from, head, count, since } = this.cut;
    this.cut = null;
    const line = this.find('.caught-up');
    line.hidden = false;
    line.textContent =
      count === 0
        ? 'Connected again. Nothing was missed.'
        : `${count} missed ${count === 1 ? 'entry' : 'entries'} in ${Math.round(performance.now() - since)} ms, from cursor ${from} to ${head}: each once, in order.`;
  }

  showState() {
    const { state } = this.feed.status;
    this.find('.state').dataset.state = state;
    if (this.find('.state').textContent !== STATES[state]) this.find('.state').textContent = STATES[state];
  }
}
