import type { NotificationItem } from '../../contract/model/entry.js';
import { Actions } from './actions.js';
import { Announcer } from './announcer.js';
import { BellButton } from './bell-button.js';
import { focused, upgradeProperties } from './dom.js';
import { FEED_ATTRIBUTES, FeedSource } from './feed-source.js';
import { languageOf } from './language.js';
import { Layer } from './layer.js';
import { List } from './list.js';
import { Outage } from './outage.js';
import { Panel } from './panel.js';
import { present } from './presentation.js';
import { Renderer } from './renderer.js';
import type { RowStyle } from './row.js';
import { SeenMarker } from './seen-marker.js';
import { ENGLISH, type BellStrings } from './strings.js';
import { adoptStyles } from './styles.js';
import { Timers } from './timers.js';
import { Times } from './times.js';
import type { BellFeed, Presentation, SelectDetail } from './types.js';

const TICK_MS = 20_000;
/** A hidden page has no animation frames. */
const HIDDEN_RENDER_MS = 100;

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
  private mergedStrings: BellStrings = ENGLISH;
  private presenter: (item: NotificationItem) => Presentation = present;
  private rowStyle: RowStyle;
  private isScheduled = false;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    adoptStyles(root);
    this.rowStyle = this.makeStyle(undefined);
    this.source = new FeedSource(this, {
      replaced: () => this.replaced(),
      changed: () => this.schedule(),
      arrived: (item) => this.arrived(item),
    });
    this.actions = new Actions(this.source, this.timers, {
      changed: () => this.schedule(),
      announce: (result) => this.announce(this.strings[result]),
      loaded: (count) => this.loaded(count),
    });
    this.seen = new SeenMarker(this.source, this.timers, () => this.isShown);
    this.outage = new Outage({
      show: () => this.schedule(),
      announce: () =>
        this.announce(this.source.snapshot.loaded ? this.strings.offline : this.strings.unreachableTitle),
      announceRecovery: () => this.announce(this.strings.backOnline),
    });
    this.list = new List(this.rowStyle, {
      select: (item, event) => this.select(item, event),
      toggleRead: (item) => this.actions.toggleRead(item),
      archive: (item) => this.actions.archive(item),
      needMore: () => this.isShown && this.actions.loadMore(),
      lostFocus: () => this.panel.element.focus({ preventScroll: true }),
    });
    this.panel = new Panel(this.strings, this.list.element, () => this.actions.retry());
    this.renderer = new Renderer(this.bell, this.panel, this.list);
    this.layer = new Layer(this, this.bell.element, this.panel.element, (open) => this.toggled(open));
    this.announcer = new Announcer((count, lastTitle) =>
      this.strings.arrived(this.rowStyle.times.number(count), lastTitle, count === 1),
    );
    this.listen();
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
    this.mergedStrings = { ...ENGLISH, ...strings };
    this.restyle();
  }

  get strings(): BellStrings {
    return this.mergedStrings;
  }

  /** Chooses the icon of a notification and its tone; `null` for the default one. */
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
    this.schedule();
  }

  private get isInline(): boolean {
    return this.hasAttribute('inline');
  }

  private get isShown(): boolean {
    return this.isInline || this.layer.open;
  }

  private listen(): void {
    const { bell, panel, layer } = this;
    bell.element.addEventListener('click', () => (layer.open ? this.hide() : this.show()));
    panel.close.addEventListener('click', () => this.hide());
    panel.markAll.addEventListener('click', () => this.actions.markAllRead());
    panel.newAbove.addEventListener('click', () => this.scrollToTop());
    panel.scroller.addEventListener('scroll', () => this.scrolled(), { passive: true });
    panel.element.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowDown' || event.target !== panel.element) return;
      event.preventDefault();
      this.list.focusFirst();
    });
    layer.element.addEventListener('keydown', (event) => layer.onKey(event));
    bell.element.addEventListener('keydown', (event) => layer.onKey(event));
  }

  private layOut(): void {
    this.layer.hide(false);
    this.layer.element.popover = this.isInline ? null : 'manual';
    this.panel.element.setAttribute('role', this.isInline ? 'region' : 'dialog');
    this.panel.close.hidden = this.isInline;
  }

  private restyle(): void {
    if (!this.isConnected) return;
    this.rowStyle = this.makeStyle(languageOf(this));
    this.list.restyle(this.rowStyle);
    this.panel.restyle(this.strings);
    this.schedule();
  }

  private makeStyle(language: string | undefined): RowStyle {
    return {
      strings: this.strings,
      times: new Times(language),
      present: (item) => {
        try {
          return this.presenter(item);
        } catch (error) {
          // The page's function must not keep the list from being rendered.
          reportError(error);
          return present(item);
        }
      },
    };
  }

  private replaced(): void {
    this.announcer.discardArrivals();
    this.renderer.reset();
    this.seen.reset();
    this.actions.reset();
    this.schedule();
  }

  /** Renders once a frame, however many changes there are. */
  private schedule(): void {
    if (this.isScheduled || !this.isConnected) return;
    this.isScheduled = true;
    const render = (): void => {
      this.isScheduled = false;
      if (this.isConnected) this.render();
    };
    if (document.visibilityState === 'visible') requestAnimationFrame(render);
    else setTimeout(render, HIDDEN_RENDER_MS);
  }

  private render(): void {
    const { snapshot } = this.source;
    this.renderer.renderBell(snapshot, this.rowStyle, this.getAttribute('badge') === 'unread');
    this.outage.follow(snapshot);
    this.actions.follow(snapshot);
    const offline = this.outage.isShown;
    this.bell.element.classList.toggle('disconnected', offline || snapshot.status.state === 'stopped');
    if (!this.isShown) return;
    this.seen.follow(snapshot);
    const { actionFailed, loadFailed } = this.actions;
    this.renderer.renderPanel(snapshot, this.rowStyle, { offline, actionFailed, loadFailed });
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
    this.schedule();
  }

  /** An older page has arrived: visible to those who scroll, announced to those who use the keyboard or a screen reader. */
  private loaded(count: number): void {
    if (count > 0 && this.list.element.contains(focused(this.list.element)))
      this.announce(this.strings.moreLoaded(this.rowStyle.times.number(count)));
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
    this.dispatchEvent(
      new CustomEvent('tidings-toggle', { detail: { open }, bubbles: true, composed: true }),
    );
  }

  private select(item: NotificationItem, event: MouseEvent): void {
    const detail: SelectDetail = { item };
    const options = { detail, bubbles: true, composed: true, cancelable: true };
    // With a modifier key the link opens in another tab or window, and this page must not navigate as well.
    const opensElsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
    const isRouted = !opensElsewhere && !this.dispatchEvent(new CustomEvent('tidings-select', options));
    if (isRouted) event.preventDefault();
    if (item.readAt === null) this.actions.markRead(item);
    if (isRouted) this.hide();
  }

  private scrolled(): void {
    if (this.isShown) this.list.scrolled(this.panel.scroller);
    if (!this.renderer.isScrolled && this.renderer.dismissAbove()) this.schedule();
  }

  private scrollToTop(): void {
    this.panel.scroller.scrollTo({ top: 0 });
    this.list.focusFirst();
    this.renderer.dismissAbove();
    this.schedule();
  }

  private announce(text: string): void {
    if (!this.hasAttribute('quiet')) this.announcer.announce(text);
  }
}
