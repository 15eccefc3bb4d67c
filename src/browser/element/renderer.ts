import type { NotificationItem } from '../../contract/model/entry.js';
import { MAX_COUNT, type BellButton } from './bell-button.js';
import { focused } from './dom.js';
import type { List } from './list.js';
import type { Panel } from './panel.js';
import type { RowStyle } from './row-style.js';
import type { BellSnapshot } from './types.js';
import { footOf, noticeOf, viewOf, type Problems } from './view.js';

/** Scrolled further than this, a reader does not see what arrives at the top. */
const TOP_PX = 40;
/** Below the button that leads to new rows. */
const BELOW_PX = 50;

/** Renders snapshots of the feed into the bell and the panel, and tracks what has arrived since the last one. */
export class Renderer {
  private readonly fresh = new Set<string>();
  private arrivedAbove = 0;

  constructor(
    private readonly bell: BellButton,
    private readonly panel: Panel,
    private readonly list: List,
  ) {}

  /** Another feed is shown. */
  reset(): void {
    this.fresh.clear();
    this.arrivedAbove = 0;
  }

  /** Highlights a new row at the next rendering, or counts it if the reader has scrolled down. */
  arrived({ id }: NotificationItem): void {
    this.fresh.add(id);
    if (this.isScrolled) this.arrivedAbove++;
  }

  /** Hides the button that leads to new rows. @returns whether it was shown. */
  dismissAbove(): boolean {
    const wasShown = this.arrivedAbove > 0;
    this.arrivedAbove = 0;
    return wasShown;
  }

  get isScrolled(): boolean {
    return this.panel.scroller.scrollTop > TOP_PX;
  }

  /** @param byUnread whether the badge counts unread notifications instead of unseen ones. */
  renderBell({ unread, unseen, items }: BellSnapshot, { times, strings }: RowStyle, byUnread: boolean): void {
    const count = byUnread ? unread : unseen;
    const text = count > MAX_COUNT ? `${times.number(MAX_COUNT)}+` : times.number(count);
    const isUrgent =
      unread > 0 && items.some(({ severity, readAt }) => severity === 'high' && readAt === null);
    // The accessible name contains the badge's text, for voice control (WCAG 2.5.3).
    const name = strings.bell(
      byUnread || unseen === 0 ? null : text,
      unread === 0 ? null : byUnread ? text : times.number(unread),
      isUrgent,
    );
    this.bell.show(count, text, unread > 0, isUrgent, name);
  }

  /** @param category the one that the snapshot is limited to; `''` for all. */
  renderPanel(snapshot: BellSnapshot, { times }: RowStyle, problems: Problems, category: string): void {
    const { panel, list } = this;
    const { unread, items } = snapshot;
    panel.showUnread(unread, times.number(unread));
    const view = viewOf(snapshot, category);
    panel.showNotice(noticeOf(view, snapshot, problems));
    panel.showAbove(this.arrivedAbove > 0 && view === 'list' ? times.number(this.arrivedAbove) : null);
    const hadFocus = this.hasFocus;
    if (view === 'list' || items.length === 0) this.keepPlace(() => list.render(items, this.fresh));
    this.fresh.clear();
    panel.show(view);
    panel.showFoot(footOf(view, snapshot, problems));
    // The focused button may be gone with the view that it was in, or hidden beside a message.
    if (hadFocus && (!this.hasFocus || (view !== 'list' && !focused(panel.element)!.checkVisibility())))
      panel.element.focus({ preventScroll: true });
  }

  /** Changes the list. What is read stays in its place, also in WebKit, which has no scroll anchoring. */
  private keepPlace(change: () => void): void {
    if (!this.isScrolled || CSS.supports('overflow-anchor:auto')) return change();
    const { scroller } = this.panel;
    const { left, top, width } = scroller.getBoundingClientRect();
    const shadow = scroller.getRootNode() as ShadowRoot;
    const row = shadow.elementFromPoint(left + width / 2, top + BELOW_PX)?.closest('.row');
    const before = row?.getBoundingClientRect().top;
    change();
    if (row?.isConnected) scroller.scrollTop += row.getBoundingClientRect().top - before!;
  }

  /** Whether the focus is in the panel. */
  get hasFocus(): boolean {
    const { element } = this.panel;
    return element.contains(focused(element));
  }
}
