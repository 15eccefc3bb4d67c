import type { NotificationItem } from '../../contract/model/entry.js';
import { Actions } from './actions.js';
import { Announcer } from './announcer.js';
import { Appearance } from './appearance.js';
import { BellButton } from './bell-button.js';
import { focused } from './dom.js';
import { dispatchSelect, dispatchToggle } from './events.js';
import { FeedSource } from './feed-source.js';
import { Frame } from './frame.js';
import { languageOf } from './language.js';
import { Layer } from './layer.js';
import { List } from './list.js';
import { Outage } from './outage.js';
import { Panel } from './panel.js';
import { Renderer } from './renderer.js';
import { SeenMarker } from './seen-marker.js';
import { Timers } from './timers.js';

const TICK_MS = 20_000;

/** The bell, its panel, and what connects them with a feed, inside of an element. */
export class Widget {
  private readonly bell = new BellButton();
  private readonly panel: Panel;
  private readonly list: List;
  private readonly layer: Layer;
  private readonly renderer: Renderer;
  private readonly announcer: Announcer;
  readonly source: FeedSource;
  private readonly actions: Actions;
  private readonly seen: SeenMarker;
  private readonly outage: Outage;
  private readonly timers = new Timers();
  readonly appearance = new Appearance();
  private readonly frame: Frame;

  constructor(private readonly host: HTMLElement) {
    this.frame = new Frame(host, () => this.render());
    this.source = new FeedSource(host, {
      replaced: () => this.replaced(),
      changed: () => this.frame.request(),
      arrived: (item) => this.arrived(item),
    });
    this.actions = new Actions(this.source, this.timers, {
      changed: () => this.frame.request(),
      announce: (result) => this.announce(this.appearance.strings[result]),
      loaded: (count) => this.loaded(count),
    });
    this.seen = new SeenMarker(this.source, this.timers, () => this.isShown);
    this.outage = new Outage({
      show: () => this.frame.request(),
      announce: () =>
        this.announce(
          this.source.snapshot.loaded
            ? this.appearance.strings.offline
            : this.appearance.strings.unreachableTitle,
        ),
      announceRecovery: () => this.announce(this.appearance.strings.backOnline),
    });
    this.list = new List(this.appearance.rowStyle, {
      select: (item, event) => this.select(item, event),
      toggleRead: (item) => this.actions.toggleRead(item),
      archive: (item) => this.actions.archive(item),
      needMore: () => this.isShown && this.actions.loadMore(),
      lostFocus: () => this.panel.element.focus({ preventScroll: true }),
    });
    this.panel = new Panel(this.appearance.strings, this.list.element, {
      close: () => this.hide(),
      markAllRead: () => this.actions.markAllRead(),
      retry: () => this.actions.retry(),
      scrolled: () => this.scrolled(),
      toTop: () => this.scrollToTop(),
      enterList: () => this.list.focusFirst(),
    });
    this.renderer = new Renderer(this.bell, this.panel, this.list);
    this.layer = new Layer(host, this.bell.element, this.panel.element, (open) => this.toggled(open));
    this.announcer = new Announcer((count, lastTitle) =>
      this.appearance.strings.arrived(this.appearance.rowStyle.times.number(count), lastTitle, count === 1),
    );
    this.bell.element.addEventListener('click', () => (this.open ? this.hide() : this.show()));
  }

  /** What the host shows. */
  get elements(): readonly Element[] {
    return [this.bell.element, this.layer.element, this.announcer.element];
  }

  get open(): boolean {
    return this.layer.open;
  }

  show(): void {
    if (!this.isInline && this.host.isConnected) this.layer.show();
  }

  /** Closes the panel. Moves the focus from the panel to the bell. */
  hide(): void {
    this.layer.hide(this.renderer.hasFocus);
  }

  /** The host has come into the page. */
  start(): void {
    this.layOut();
    this.restyle();
    this.source.connect();
    this.tick();
    document.addEventListener('visibilitychange', this.seen.mark);
  }

  /** The host has left the page. */
  stop(): void {
    document.removeEventListener('visibilitychange', this.seen.mark);
    this.source.disconnect();
    this.timers.stop();
    this.outage.stop();
    this.announcer.stop();
  }

  close(): void {
    this.layer.hide(false);
  }

  /** An attribute of the host has changed. */
  attributeChanged(name: string): void {
    if (name === 'inline') this.layOut();
    else if (name === 'lang') this.restyle();
    else if (name !== 'badge') this.source.recreate();
    this.frame.request();
  }

  restyle(): void {
    if (!this.host.isConnected) return;
    this.list.restyle(this.appearance.refresh(languageOf(this.host)));
    this.panel.restyle(this.appearance.strings);
    this.frame.request();
  }

  private get isInline(): boolean {
    return this.host.hasAttribute('inline');
  }

  private get isShown(): boolean {
    return this.isInline || this.layer.open;
  }

  private layOut(): void {
    this.close();
    this.layer.element.popover = this.isInline ? null : 'manual';
    this.panel.element.setAttribute('role', this.isInline ? 'region' : 'dialog');
    this.panel.close.hidden = this.isInline;
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
    this.renderer.renderBell(
      snapshot,
      this.appearance.rowStyle,
      this.host.getAttribute('badge') === 'unread',
    );
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
    if (!this.host.hasAttribute('quiet')) this.announcer.announceArrival(item.title);
    if (!this.isShown) return;
    this.renderer.arrived(item);
    this.seen.markSoon();
    this.frame.request();
  }

  /** An older page has arrived: visible to those who scroll, announced to those who use the keyboard or a screen reader. */
  private loaded(count: number): void {
    if (count > 0 && this.list.element.contains(focused(this.list.element)))
      this.announce(this.appearance.strings.moreLoaded(this.appearance.rowStyle.times.number(count)));
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
    dispatchToggle(this.host, open);
  }

  private select(item: NotificationItem, event: MouseEvent): void {
    const isRouted = dispatchSelect(this.host, item, event);
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
    if (!this.host.hasAttribute('quiet')) this.announcer.announce(text);
  }
}
