import { createFeed } from '../client/index.js';
import type { FeedOptions } from '../client/index.js';
import type { NotificationItem } from '../../contract/model/entry.js';
import { Absence } from './absence.js';
import { Announcer } from './announcer.js';
import { BellButton, MOST } from './bell-button.js';
import { focused } from './dom.js';
import { languageOf } from './language.js';
import { Layer } from './layer.js';
import { List } from './list.js';
import { Panel } from './panel.js';
import { present } from './presentation.js';
import type { RowStyle } from './row.js';
import { ENGLISH, type BellStrings } from './strings.js';
import { adopt } from './styles.js';
import { Timers } from './timers.js';
import { Times } from './times.js';
import type { BellFeed, BellSnapshot, Presentation, SelectDetail } from './types.js';
import { footOf, noticeOf, viewOf } from './view.js';

const FAILURE_SHOWN_FOR_MS = 6_000;
/** What an open panel shows has been seen after this. */
const SEEN_AFTER_MS = 1_000;
const TICK_MS = 20_000;

const NOTHING: BellSnapshot = {
  items: [],
  unread: 0,
  unseen: 0,
  status: { state: 'connecting' },
  loaded: false,
  hasMore: false,
  loadingMore: false,
};

// A module that is loaded on a server must not fail there.
const Base = globalThis.HTMLElement ?? class {};

/**
 * `<tidings-bell>`: a bell with a badge, and a panel with the feed.
 *
 * Attributes: `url` or `path`, or both, for a feed of its own, with `credentials`, `transport` and `tabs` (see `createFeed`); `theme` (`light`, `dark`; else as the system prefers), `inline` (the panel stands in the page, without a bell),
 * `badge` (`unseen`, the default, or `unread`), `quiet` (nothing is announced: for the second of two on one page), `lang`.
 *
 * Properties: `feed` (from `createFeed`, for bearer tokens; the page keeps it and closes it), `strings`, `present` (icons of own types), `open`.
 *
 * Events: `tidings-select` (`detail.item`; prevent it to route by yourself; not for a click that opens another tab or window),
 * `tidings-toggle` (`detail.open`).
 */
export class TidingsBell extends Base {
  static readonly observedAttributes = [
    'url',
    'path',
    'credentials',
    'transport',
    'tabs',
    'inline',
    'badge',
    'lang',
  ];

  private readonly bell: BellButton;
  private readonly panel: Panel;
  private readonly list: List;
  private readonly layer: Layer;
  private readonly announcer: Announcer;
  private given: BellFeed | null = null;
  private own: BellFeed | null = null;
  private attached: BellFeed | null = null;
  private detach: () => void = () => {};
  private words: BellStrings = ENGLISH;
  private presenter: (item: NotificationItem) => Presentation = present;
  private look: RowStyle;
  private readonly timers = new Timers();
  private readonly absence: Absence;
  private readonly fresh = new Set<string>();
  private above = 0;
  private wasAway = false;
  private wasLoaded = false;
  private moreFailed = false;
  private actionFailed = false;
  private scheduled = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    adopt(root);
    this.look = {
      strings: this.words,
      times: new Times(undefined),
      present: (item) => this.presentation(item),
    };
    this.list = new List(this.look, {
      select: (item, event) => this.select(item, event),
      toggleRead: ({ id, readAt }) =>
        this.act((feed) => (readAt === null ? feed.markRead(id) : feed.markUnread(id))),
      archive: ({ id }) => this.act((feed) => feed.archive(id), this.words.archived),
      needMore: () => this.needMore(),
      lostFocus: () => this.panel.element.focus({ preventScroll: true }),
    });
    this.bell = new BellButton();
    this.panel = new Panel(this.words, this.list.element, () => this.retry());
    this.layer = new Layer(this, this.bell.element, this.panel.element, (open) => this.toggled(open));
    this.announcer = new Announcer((count, last) =>
      this.words.arrived(this.look.times.number(count), last, count === 1),
    );
    this.absence = new Absence({
      shown: () => this.schedule(),
      said: () => this.say(this.snapshot.loaded ? this.words.offline : this.words.unreachableTitle),
      backAfterSaid: () => this.say(this.words.backOnline),
    });
    this.bell.element.addEventListener('click', () => (this.layer.open ? this.hide() : this.show()));
    this.panel.close.addEventListener('click', () => this.hide());
    this.panel.markAll.addEventListener('click', () => this.markAll());
    this.panel.newAbove.addEventListener('click', () => this.toTop());
    this.panel.scroller.addEventListener('scroll', () => this.scrolled(), { passive: true });
    this.panel.element.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowDown' || event.target !== this.panel.element) return;
      event.preventDefault();
      this.list.focusFirst();
    });
    this.layer.element.addEventListener('keydown', (event) => this.layer.onKey(event));
    this.bell.element.addEventListener('keydown', (event) => this.layer.onKey(event));
    root.append(this.bell.element, this.layer.element, this.announcer.element);
  }

  /** The feed that is shown: the one that was given, or the element's own. */
  get feed(): BellFeed | null {
    return this.given ?? this.own;
  }

  set feed(feed: BellFeed | null) {
    this.given = feed;
    if (this.isConnected) this.attach();
  }

  /** Words to be replaced; the others stay English. */
  set strings(strings: Partial<BellStrings>) {
    this.words = { ...ENGLISH, ...strings };
    this.restyle();
  }

  get strings(): BellStrings {
    return this.words;
  }

  /** The icon and its tone for a notification; `null` for the usual one. */
  set present(presenter: ((item: NotificationItem) => Presentation | null) | null) {
    this.presenter = (item) => presenter?.(item) ?? present(item);
    this.restyle();
  }

  get open(): boolean {
    return this.layer.open;
  }

  set open(open: boolean) {
    if (open) this.show();
    else this.hide();
  }

  show(): void {
    if (!this.inline && this.isConnected) this.layer.show();
  }

  /** Closes the panel; the focus goes back to the bell if it was in the panel. */
  hide(): void {
    this.layer.hide(this.panel.element.contains(focused(this.panel.element)));
  }

  connectedCallback(): void {
    // What was set before this class was defined hides its setters.
    for (const name of ['feed', 'strings', 'present', 'open'] as const) {
      if (!Object.hasOwn(this, name)) continue;
      const value: unknown = this[name];
      delete (this as Partial<this>)[name];
      Object.assign(this, { [name]: value });
    }
    this.layOut();
    this.restyle();
    this.attach();
    this.timers.set('tick', TICK_MS, () => this.tick());
    document.addEventListener('visibilitychange', this.see);
  }

  disconnectedCallback(): void {
    this.layer.hide(false);
    // An element that is moved within the page keeps its connection.
    queueMicrotask(() => {
      if (this.isConnected) return;
      document.removeEventListener('visibilitychange', this.see);
      this.release();
      this.timers.stop();
      this.absence.stop();
      this.announcer.stop();
    });
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected) return;
    if (name === 'inline') this.layOut();
    else if (name === 'lang') this.restyle();
    else if (name !== 'badge') {
      this.closeOwn();
      this.attach();
    }
    this.schedule();
  }

  private get inline(): boolean {
    return this.hasAttribute('inline');
  }

  private get shown(): boolean {
    return this.inline || this.layer.open;
  }

  private get snapshot(): BellSnapshot {
    return this.attached?.getSnapshot() ?? NOTHING;
  }

  private layOut(): void {
    this.layer.hide(false);
    this.layer.element.popover = this.inline ? null : 'manual';
    this.panel.element.setAttribute('role', this.inline ? 'region' : 'dialog');
    this.panel.close.hidden = this.inline;
  }

  private restyle(): void {
    if (!this.isConnected) return;
    const times = new Times(languageOf(this));
    this.look = { strings: this.words, times, present: (item) => this.presentation(item) };
    this.list.restyle(this.look);
    this.panel.restyle(this.words);
    this.schedule();
  }

  /** A host's function that throws must not take the list with it. */
  private presentation(item: NotificationItem): Presentation {
    try {
      return this.presenter(item);
    } catch (error) {
      reportError(error);
      return present(item);
    }
  }

  private attach(): void {
    if (this.given) this.closeOwn();
    else if (this.hasAttribute('url') || this.hasAttribute('path')) this.own ??= this.createOwn();
    const feed = this.feed;
    if (feed === this.attached) return;
    this.detach();
    this.attached = feed;
    const stops = feed
      ? [feed.subscribe(() => this.schedule()), feed.on('message', (item) => this.arrived(item))]
      : [];
    this.detach = () => stops.forEach((stop) => stop());
    this.announcer.reset();
    this.fresh.clear();
    this.above = 0;
    this.wasLoaded = false;
    this.moreFailed = false;
    this.schedule();
  }

  /** Reports attributes that `createFeed` does not take as an uncaught error, which must not keep the element from its page. */
  private createOwn(): BellFeed | null {
    try {
      return createFeed(this.optionsOfOwn());
    } catch (error) {
      reportError(error);
      return null;
    }
  }

  private optionsOfOwn(): FeedOptions {
    const read = (name: string) => this.getAttribute(name) ?? undefined;
    return {
      url: read('url'),
      path: read('path'),
      credentials: read('credentials') as FeedOptions['credentials'],
      transport: read('transport') as FeedOptions['transport'],
      tabs: read('tabs') as FeedOptions['tabs'],
    };
  }

  private closeOwn(): void {
    this.own?.close();
    this.own = null;
  }

  private release(): void {
    this.closeOwn();
    this.detach();
    this.detach = () => {};
    this.attached = null;
  }

  /** A burst is drawn once a frame; a page that is not visible has no frames. */
  private schedule(): void {
    if (this.scheduled || !this.isConnected) return;
    this.scheduled = true;
    const draw = (): void => {
      this.scheduled = false;
      if (this.isConnected) this.draw();
    };
    if (document.visibilityState === 'visible') requestAnimationFrame(draw);
    else setTimeout(draw, 100);
  }

  private draw(): void {
    const snapshot = this.snapshot;
    const { unread, unseen, status } = snapshot;
    const { times, strings } = this.look;
    const byUnread = this.getAttribute('badge') === 'unread';
    const count = byUnread ? unread : unseen;
    const text = count > MOST ? `${times.number(MOST)}+` : times.number(count);
    // What is seen in the badge is in the name, too: who speaks to a browser says what stands there.
    const name = strings.bell(
      byUnread || unseen === 0 ? null : text,
      unread === 0 ? null : byUnread ? text : times.number(unread),
    );
    this.bell.show(count, text, unread > 0, name);
    this.followStatus(snapshot);
    this.bell.element.classList.toggle('asleep', status.state === 'stopped' || this.absence.isShown);
    if (!this.shown) return;
    if (snapshot.loaded !== this.wasLoaded) {
      this.wasLoaded = snapshot.loaded;
      this.seeSoon();
    }
    this.panel.showUnread(unread, times.number(unread));
    const view = viewOf(snapshot);
    const { actionFailed, moreFailed } = this;
    const troubles = { absent: this.absence.isShown, actionFailed, moreFailed };
    this.panel.showNotice(noticeOf(view, snapshot, troubles));
    this.panel.showAbove(this.above > 0 && view === 'list' ? times.number(this.above) : null);
    const hadFocus = this.panel.element.contains(focused(this.panel.element));
    if (view === 'list' || snapshot.items.length === 0) this.list.render(snapshot.items, this.fresh);
    this.fresh.clear();
    this.panel.show(view);
    this.panel.showFoot(footOf(view, snapshot, troubles));
    // A view that took the focus away with its button gives it to the panel.
    if (hadFocus && !this.panel.element.contains(focused(this.panel.element))) {
      this.panel.element.focus({ preventScroll: true });
    }
  }

  private followStatus(snapshot: BellSnapshot): void {
    this.absence.follow(snapshot);
    const isAway = snapshot.status.state !== 'live';
    if (this.wasAway && !isAway) this.moreFailed = false;
    this.wasAway = isAway;
  }

  private tick(): void {
    if (this.shown) this.list.tick();
    this.timers.set('tick', TICK_MS, () => this.tick());
  }

  private arrived(item: NotificationItem): void {
    if (!this.hasAttribute('quiet')) this.announcer.arrived(item.title);
    if (!this.shown) return;
    this.fresh.add(item.id);
    if (this.panel.scroller.scrollTop > 40) this.above++;
    this.seeSoon();
    this.schedule();
  }

  private seeSoon(): void {
    if (!this.timers.has('seen')) this.timers.set('seen', SEEN_AFTER_MS, this.see);
  }

  /** Not again when it fails: the next opening does it. */
  private readonly see = (): void => {
    if (!this.shown || document.visibilityState !== 'visible' || this.snapshot.unseen === 0) return;
    this.attached?.markSeen().catch(() => {});
  };

  private toggled(open: boolean): void {
    this.bell.element.setAttribute('aria-expanded', String(open));
    this.above = 0;
    if (open) {
      this.draw();
      this.list.tick();
      this.see();
    } else {
      this.panel.scroller.scrollTop = 0;
      this.list.shrink();
    }
    this.dispatchEvent(
      new CustomEvent('tidings-toggle', { detail: { open }, bubbles: true, composed: true }),
    );
  }

  private select(item: NotificationItem, event: MouseEvent): void {
    const detail: SelectDetail = { item };
    const options = { detail, bubbles: true, composed: true, cancelable: true };
    // With a key held down the link opens elsewhere, and the page that stays must not be routed as well.
    const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    const routed = !elsewhere && !this.dispatchEvent(new CustomEvent('tidings-select', options));
    if (routed) event.preventDefault();
    if (item.readAt === null) this.act((feed) => feed.markRead(item.id));
    if (routed) this.hide();
  }

  private markAll(): void {
    if (this.snapshot.unread > 0) this.act((feed) => feed.markAllRead(), this.words.allRead);
  }

  /** What the user did shows at once; when it fails the feed takes it back, and we say so. */
  private act(change: (feed: BellFeed) => Promise<void>, said?: string): void {
    if (!this.attached) return;
    change(this.attached).then(
      () => said !== undefined && this.say(said),
      () => {
        this.actionFailed = true;
        this.say(this.words.actionFailed);
        this.schedule();
        this.timers.set('failed', FAILURE_SHOWN_FOR_MS, () => {
          this.actionFailed = false;
          this.schedule();
        });
      },
    );
  }

  private needMore(): void {
    const { hasMore, loadingMore, items, loaded } = this.snapshot;
    if (!this.shown || !loaded || !hasMore || loadingMore || this.moreFailed) return;
    this.attached?.loadMore().then(
      () => {
        const added = this.snapshot.items.length - items.length;
        // Who scrolls sees it; who goes by keyboard or listens has to be told.
        if (added > 0 && this.list.element.contains(focused(this.list.element)))
          this.say(this.words.moreLoaded(this.look.times.number(added)));
        this.schedule();
      },
      () => {
        this.moreFailed = true;
        this.schedule();
      },
    );
  }

  private retry(): void {
    if (this.moreFailed) {
      this.moreFailed = false;
      this.needMore();
    } else {
      // One that is on its way does not begin anew by being opened again.
      if (this.snapshot.status.state === 'offline') this.attached?.close();
      this.attached?.open();
    }
    this.schedule();
  }

  private scrolled(): void {
    if (this.shown) this.list.scrolled(this.panel.scroller);
    if (this.above === 0 || this.panel.scroller.scrollTop > 40) return;
    this.above = 0;
    this.schedule();
  }

  private toTop(): void {
    this.panel.scroller.scrollTo({ top: 0 });
    this.list.focusFirst();
    this.above = 0;
    this.schedule();
  }

  private say(text: string): void {
    if (!this.hasAttribute('quiet')) this.announcer.say(text);
  }
}
