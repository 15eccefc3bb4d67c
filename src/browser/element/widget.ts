import type { NotificationAction, NotificationItem } from '../../contract/model/entry.js';
import { Actions } from './actions.js';
import { Announcer } from './announcer.js';
import { Appearance } from './appearance.js';
import { BellButton } from './bell-button.js';
import { Categories } from './categories.js';
import { focused } from './dom.js';
import { dispatchAction, dispatchSelect, dispatchToggle } from './events.js';
import type { FeedWidget } from './feed-element.js';
import { FeedSource } from './feed-source.js';
import { Frame } from './frame.js';
import { languageOf } from './language.js';
import { Layer } from './layer.js';
import { List } from './list.js';
import { Outage } from './outage.js';
import type { Overlays } from './overlays.js';
import { Panel } from './panel.js';
import { presenceOf } from './presence.js';
import { Renderer } from './renderer.js';
import { SeenMarker } from './seen-marker.js';
import { Timers } from './timers.js';
import type { BellFeed, BellPush, BellSnapshot } from './types.js';

const TICK_MS = 20_000;

/** The bell, its panel, and what connects them with a feed, inside of an element. */
export class Widget implements FeedWidget {
  private readonly bell = new BellButton();
  private readonly panel: Panel;
  private readonly list: List;
  private readonly layer: Layer;
  private readonly renderer: Renderer;
  readonly source: FeedSource;
  private readonly actions: Actions;
  private readonly seen: SeenMarker;
  private readonly outage: Outage;
  private readonly timers = new Timers();
  readonly appearance = new Appearance();
  private readonly announcer = new Announcer(this.appearance);
  private readonly frame: Frame;
  private overlays: Promise<Overlays> | null = null;
  private readonly categories: Categories;
  private readonly opener = (): void => this.show();
  private present: BellFeed | null = null;
  push: BellPush | null = null;

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
      snoozed: (until) => this.announceSnoozed(until),
    });
    this.categories = new Categories(this.source, this.timers, () => this.frame.request());
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
      act: (item, action, event) => this.act(item, action, event),
      snooze: (item, anchor) => this.openSnoozeMenu(item, anchor),
      needMore: () => this.isShown && this.actions.loadMore(),
      lostFocus: () => this.panel.element.focus({ preventScroll: true }),
    });
    this.panel = new Panel(this.appearance.strings, this.list.element, {
      close: () => this.hide(),
      markAllRead: () => this.actions.markAllRead(this.categories.current),
      retry: () => this.actions.retry(),
      scrolled: () => this.scrolled(),
      toTop: () => this.scrollToTop(),
      enterList: () => this.list.focusFirst(),
      openMenu: (anchor) => this.openMenu(anchor),
      selectTab: (name) => this.selectTab(name),
    });
    this.renderer = new Renderer(this.bell, this.panel, this.list);
    this.layer = new Layer(host, this.bell.element, this.panel.element, (open) => this.toggled(open));
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
    this.follow(null);
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
    else if (name !== 'badge' && name !== 'tabs') this.source.recreate();
    this.frame.request();
  }

  restyle(): void {
    if (!this.host.isConnected) return;
    this.list.restyle(this.appearance.refresh(languageOf(this.host), !!this.source.active?.snooze));
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
    this.follow(this.present);
    this.layer.element.popover = this.isInline ? null : 'manual';
    this.panel.element.setAttribute('role', this.isInline ? 'region' : 'dialog');
    this.panel.close.hidden = this.isInline;
  }

  /** Lets the toasts of the same feed know of this bell. */
  private follow(feed: BellFeed | null): void {
    const before = this.present && presenceOf(this.present);
    before?.openers.delete(this.opener);
    before?.open.delete(this);
    this.present = feed;
    if (!feed || this.isInline) return;
    const { openers, open } = presenceOf(feed);
    openers.add(this.opener);
    if (this.open) open.add(this);
  }

  private replaced(): void {
    this.follow(this.source.active);
    this.announcer.stop();
    this.renderer.reset();
    this.seen.reset();
    this.actions.reset();
    this.categories.reset();
    this.closeOverlays();
    const { active } = this.source;
    this.panel.more.hidden = !active?.snoozed && !active?.preferences;
    this.restyle();
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
    const shown = this.renderTabs(snapshot);
    const problems = { offline, actionFailed, loadFailed };
    this.renderer.renderPanel(shown, this.appearance.rowStyle, problems, this.categories.current);
  }

  /** @returns the part of the snapshot that the selected tab shows. */
  private renderTabs(snapshot: BellSnapshot): BellSnapshot {
    const { categories, appearance } = this;
    const attribute = this.host.getAttribute('tabs');
    const { strings, times } = appearance.rowStyle;
    if (attribute === null) categories.current = '';
    const wanted = (attribute ?? '').split(/[\s,]+/).filter(Boolean);
    const tabs = attribute === null ? [] : categories.tabs(wanted, snapshot, strings, times);
    this.panel.tabs.render(tabs, categories.current, strings.tabs);
    const shown = categories.select(snapshot, this.actions.loadFailed);
    if (shown.items.length === 0 && categories.current !== '') this.actions.loadMore();
    return shown;
  }

  private selectTab(name: string): void {
    this.categories.current = name;
    this.renderer.dismissAbove();
    this.panel.scroller.scrollTop = 0;
    this.list.shrink();
    this.render();
  }

  private announceSnoozed(until: Date): void {
    const { strings, times } = this.appearance.rowStyle;
    this.announce(strings.snoozedFor(times.moment(until, new Date())));
  }

  private loadOverlays(): Promise<Overlays> {
    this.overlays ??= import('./overlays.js').then(
      ({ Overlays }) =>
        new Overlays(this.panel.element, () => this.panel.more.focus({ preventScroll: true })),
    );
    // Tried again the next time.
    this.overlays.catch(() => (this.overlays = null));
    return this.overlays;
  }

  private openOverlay(open: (overlays: Overlays) => void): void {
    const isCurrent = this.source.guard();
    this.loadOverlays().then(
      (overlays) => isCurrent() && open(overlays),
      () => this.actions.fail(),
    );
  }

  private closeOverlays(): void {
    this.overlays?.then(
      (overlays) => overlays.close(),
      () => {},
    );
  }

  private openSnoozeMenu(item: NotificationItem, anchor: HTMLElement): void {
    this.openOverlay((overlays) =>
      overlays.openSnoozeMenu(anchor, this.appearance.rowStyle, (until) => this.actions.snooze(item, until)),
    );
  }

  private openMenu(anchor: HTMLElement): void {
    const { active } = this.source;
    const isCurrent = this.source.guard();
    if (active)
      this.openOverlay((overlays) =>
        overlays.openMenu(anchor, active, this.push, this.appearance.rowStyle, isCurrent),
      );
  }

  /** Updates relative times. */
  private tick(): void {
    this.timers.set('tick', TICK_MS, () => {
      if (this.isShown) this.list.tick();
      this.tick();
    });
  }

  private arrived(item: NotificationItem): void {
    const isLeftToToasts = !this.open && !!this.present && presenceOf(this.present).toasters > 0;
    if (!this.host.hasAttribute('quiet') && !isLeftToToasts) this.announcer.announceArrival(item.title);
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
    this.follow(this.present);
    this.bell.element.setAttribute('aria-expanded', String(open));
    this.renderer.dismissAbove();
    if (open) {
      this.render();
      this.list.tick();
      this.seen.mark();
      // In advance; a failure is reported when one is wanted.
      if (!this.panel.more.hidden) this.loadOverlays().catch(() => {});
    } else {
      this.closeOverlays();
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

  private act(item: NotificationItem, action: NotificationAction, event: MouseEvent): void {
    const isTaken = dispatchAction(this.host, item, action, event);
    if (!action.link) {
      if (!isTaken) this.actions.act(item, action.id);
      return;
    }
    if (item.readAt === null) this.actions.markRead(item);
    if (isTaken) this.hide();
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
