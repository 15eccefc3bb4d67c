import type { NotificationItem } from '../../contract/model/entry.js';
import { Actions } from './actions.js';
import { Announcer } from './announcer.js';
import { Appearance } from './appearance.js';
import { BellButton } from './bell-button.js';
import { focused, upgradeProperties } from './dom.js';
import { dispatchSelect, dispatchToggle } from './events.js';
import { FEED_ATTRIBUTES, FeedSource } from './feed-source.js';
import { Frame } from './frame.js';
import { languageOf } from './language.js';
import { Layer } from './layer.js';
import { List } from './list.js';
import { Outage } from './outage.js';
import { Panel } from './panel.js';
import { Renderer } from './renderer.js';
import { SeenMarker } from './seen-marker.js';
import type { BellStrings } from './strings.js';
import { adoptStyles } from './styles.js';
import { Timers } from './timers.js';
import type { BellFeed, Presentation } from './types.js';

const TICK_MS = 20_000;

// On a server the module can be imported, though there are no elements.
const Base = globalThis.HTMLElement ?? class {};

/**
 * `<tidings-bell>`: a bell with a badge, and a panel with the feed.
 *
 * Attributes:
 * - `url`, `path`: create a feed of its own, with the options `credentials`, `transport` and `tabs` (see `createFeed`).
 * - `theme`: `light` or `dark`. Default: the system's colour scheme.
 * - `inline`: the panel is part of the page, without a bell.
 * - `badge`: `unseen` (default) or `unread`.
 * - `quiet`: no announcements to screen readers, for the second of two bells on one page.
 * - `lang`: the language of dates and numbers.
 *
 * Properties: `feed` (a feed from `createFeed`, for bearer tokens; the page closes it), `strings`, `present` (icons of your own types), `open`.
 *
 * Events:
 * - `tidings-select` (`detail.item`): a notification was clicked. Call `preventDefault()` to route it yourself. Not for clicks that open
 *   another tab or window.
 * - `tidings-toggle` (`detail.open`): the panel was opened or closed.
 */
export class TidingsBell extends Base {
  static readonly observedAttributes = [...FEED_ATTRIBUTES, 'inline', 'badge', 'lang'];

  private readonly bell = new BellButton();
  private readonly panel: Panel;
  private readonly list: List;
  private readonly layer: Layer;
  private readonly renderer: Renderer;
  private readonly announcer: Announcer;
  private readonly source: FeedSource;
  private readonly actions: Actions;
  private readonly seen: SeenMarker;
  private readonly outage: Outage;
  private readonly timers = new Timers();
  private readonly appearance = new Appearance();
  private readonly frame = new Frame(this, () => this.render());

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    adoptStyles(root);
    this.source = new FeedSource(this, {
      replaced: () => this.replaced(),
      changed: () => this.frame.request(),
      arrived: (item) => this.arrived(item),
    });
    this.actions = new Actions(this.source, this.timers, {
      changed: () => this.frame.request(),
      announce: (result) => this.announce(this.strings[result]),
      loaded: (count) => this.loaded(count),
    });
    this.seen = new SeenMarker(this.source, this.timers, () => this.isShown);
    this.outage = new Outage({
      show: () => this.frame.request(),
      announce: () =>
        this.announce(this.source.snapshot.loaded ? this.strings.offline : this.strings.unreachableTitle),
      announceRecovery: () => this.announce(this.strings.backOnline),
    });
    this.list = new List(this.appearance.rowStyle, {
      select: (item, event) => this.select(item, event),
      toggleRead: (item) => this.actions.toggleRead(item),
      archive: (item) => this.actions.archive(item),
      needMore: () => this.isShown && this.actions.loadMore(),
      lostFocus: () => this.panel.element.focus({ preventScroll: true }),
    });
    this.panel = new Panel(this.strings, this.list.element, {
      close: () => this.hide(),
      markAllRead: () => this.actions.markAllRead(),
      retry: () => this.actions.retry(),
      scrolled: () => this.scrolled(),
      toTop: () => this.scrollToTop(),
      enterList: () => this.list.focusFirst(),
    });
    this.renderer = new Renderer(this.bell, this.panel, this.list);
    this.layer = new Layer(this, this.bell.element, this.panel.element, (open) => this.toggled(open));
    this.announcer = new Announcer((count, lastTitle) =>
      this.strings.arrived(this.appearance.rowStyle.times.number(count), lastTitle, count === 1),
    );
    this.bell.element.addEventListener('click', () => (this.open = !this.open));
    root.append(this.bell.element, this.layer.element, this.announcer.element);
  }

  /** The feed that is shown: the assigned one, or the element's own. */
  get feed(): BellFeed | null {
    return this.source.feed;
  }

  set feed(feed: BellFeed | null) {
    this.source.assign(feed);
    if (this.isConnected) this.source.connect();
  }

  /** Replaces some of the texts; the others stay English. */
  set strings(strings: Partial<BellStrings>) {
    this.appearance.setStrings(strings);
    this.restyle();
  }

  get strings(): BellStrings {
    return this.appearance.strings;
  }

  /** Chooses the icon of a notification and its tone; `null` for the default one. */
  set present(presenter: ((item: NotificationItem) => Presentation | null) | null) {
    this.appearance.setPresenter(presenter);
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
    if (!this.isInline && this.isConnected) this.layer.show();
  }

  /** Closes the panel. Moves the focus from the panel to the bell. */
  hide(): void {
    this.layer.hide(this.renderer.hasFocus);
  }

  connectedCallback(): void {
    upgradeProperties<TidingsBell>(this, ['feed', 'strings', 'present', 'open']);
    this.layOut();
    this.restyle();
    this.source.connect();
    this.tick();
    document.addEventListener('visibilitychange', this.seen.mark);
  }

  disconnectedCallback(): void {
    this.layer.hide(false);
    // An element that is moved within the page keeps its connection.
    queueMicrotask(() => {
      if (this.isConnected) return;
      document.removeEventListener('visibilitychange', this.seen.mark);
      this.source.disconnect();
      this.timers.stop();
      this.outage.stop();
      this.announcer.stop();
    });
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before === after || !this.isConnected) return;
    if (name === 'inline') this.layOut();
    else if (name === 'lang') this.restyle();
    else if (name !== 'badge') this.source.recreate();
    this.frame.request();
  }

  private get isInline(): boolean {
    return this.hasAttribute('inline');
  }

  private get isShown(): boolean {
    return this.isInline || this.layer.open;
  }

  private layOut(): void {
    this.layer.hide(false);
    this.layer.element.popover = this.isInline ? null : 'manual';
    this.panel.element.setAttribute('role', this.isInline ? 'region' : 'dialog');
    this.panel.close.hidden = this.isInline;
  }

  private restyle(): void {
    if (!this.isConnected) return;
    this.list.restyle(this.appearance.refresh(languageOf(this)));
    this.panel.restyle(this.strings);
    this.frame.request();
  }

  private replaced(): void {
    this.announcer.discardArrivals();
    this.renderer.reset();
    this.seen.reset();
    this.actions.reset();
    this.frame.request();
  }

  private render(): void {
    const { snapshot } = this.source;
    this.renderer.renderBell(snapshot, this.appearance.rowStyle, this.getAttribute('badge') === 'unread');
    this.outage.follow(snapshot);
    this.actions.follow(snapshot);
    const offline = this.outage.isShown;
    this.bell.element.classList.toggle('disconnected', offline || snapshot.status.state === 'stopped');
    if (!this.isShown) return;
    this.seen.follow(snapshot);
    const { actionFailed, loadFailed } = this.actions;
    this.renderer.renderPanel(snapshot, this.appearance.rowStyle, { offline, actionFailed, loadFailed });
  }

  /** Updates relative times. */
  private tick(): void {
    this.timers.set('tick', TICK_MS, () => {
      if (this.isShown) this.list.tick();
      this.tick();
    });
  }

  private arrived(item: NotificationItem): void {
    if (!this.hasAttribute('quiet')) this.announcer.announceArrival(item.title);
    if (!this.isShown) return;
    this.renderer.arrived(item);
    this.seen.markSoon();
    this.frame.request();
  }

  /** An older page has arrived: visible to those who scroll, announced to those who use the keyboard or a screen reader. */
  private loaded(count: number): void {
    if (count > 0 && this.list.element.contains(focused(this.list.element)))
      this.announce(this.strings.moreLoaded(this.appearance.rowStyle.times.number(count)));
  }

  private toggled(open: boolean): void {
    this.bell.element.setAttribute('aria-expanded', String(open));
    this.renderer.dismissAbove();
    if (open) {
      this.render();
      this.list.tick();
      this.seen.mark();
    } else {
      this.panel.scroller.scrollTop = 0;
      this.list.shrink();
    }
    dispatchToggle(this, open);
  }

  private select(item: NotificationItem, event: MouseEvent): void {
    const isRouted = dispatchSelect(this, item, event);
    if (item.readAt === null) this.actions.markRead(item);
    if (isRouted) this.hide();
  }

  private scrolled(): void {
    if (this.isShown) this.list.scrolled(this.panel.scroller);
    if (!this.renderer.isScrolled && this.renderer.dismissAbove()) this.frame.request();
  }

  private scrollToTop(): void {
    this.panel.scroller.scrollTo({ top: 0 });
    this.list.focusFirst();
    this.renderer.dismissAbove();
    this.frame.request();
  }

  private announce(text: string): void {
    if (!this.hasAttribute('quiet')) this.announcer.announce(text);
  }
}
