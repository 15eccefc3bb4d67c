import type { NotificationItem } from '../../contract/model/entry.js';
import { OVERLAYS } from './css/overlays.js';
import { Menu, type MenuItem } from './menu.js';
import { Page } from './page.js';
import { preferencesForm } from './preferences.js';
import type { RowStyle } from './row-style.js';
import { snoozeTimes } from './snooze-times.js';
import { snoozedList } from './snoozed.js';
import { adoptSheet } from './styles.js';
import type { BellFeed, BellPush } from './types.js';

/** The largest page. Who snoozes more sees the newest ones. */
const MAX_SNOOZED = 100;

/** What opens over the list of a panel: menus, and pages. A bundle of its own, loaded when the panel is first opened. */
export class Overlays {
  private readonly menu = new Menu();
  private readonly page: Page;

  /** @param closed is called when a page was closed by the user. */
  constructor(panel: HTMLElement, closed: () => void) {
    this.page = new Page(panel, closed);
    adoptSheet(panel.getRootNode() as ShadowRoot, OVERLAYS);
    panel.append(this.page.element, this.menu.element);
  }

  openSnoozeMenu(anchor: HTMLElement, { strings, times }: RowStyle, choose: (until: Date) => void): void {
    const now = new Date();
    const items = snoozeTimes(now).map(({ name, until }) => ({
      label: strings[name],
      detail: times.moment(until, now),
      choose: () => choose(until),
    }));
    this.menu.toggle(anchor, strings.snooze, items);
  }

  /**
   * Opens the menu with what the feed can do.
   *
   * @param isCurrent whether the feed is still the recipient's whose pages are opened.
   */
  openMenu(
    anchor: HTMLElement,
    feed: BellFeed,
    push: BellPush | null,
    style: RowStyle,
    isCurrent: () => boolean,
  ): void {
    const { strings } = style;
    const items: MenuItem[] = [];
    if (feed.snoozed)
      items.push({ label: strings.snoozedTitle, icon: 'clock', choose: () => this.showSnoozed(feed, style) });
    if (feed.preferences)
      items.push({
        label: strings.preferences,
        icon: 'sliders',
        choose: () => this.showPreferences(feed, push, style, isCurrent),
      });
    this.menu.toggle(anchor, strings.more, items);
  }

  close(): void {
    this.menu.close(false);
    this.page.close(false);
  }

  private showSnoozed(feed: BellFeed, style: RowStyle): void {
    const bringBack = ({ id }: NotificationItem) => feed.unsnooze!([id]);
    this.page.open(style.strings.snoozedTitle, style.strings, async () =>
      snoozedList((await feed.snoozed!({ limit: MAX_SNOOZED })).items, style, bringBack),
    );
  }

  private showPreferences(
    feed: BellFeed,
    push: BellPush | null,
    { strings }: RowStyle,
    isCurrent: () => boolean,
  ): void {
    this.page.open(strings.preferences, strings, () => preferencesForm(feed, push, strings, isCurrent));
  }
}
