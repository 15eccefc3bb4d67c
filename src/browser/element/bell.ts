import { FeedElement } from './feed-element.js';
import { FEED_ATTRIBUTES } from './feed-source.js';
import type { BellPush } from './types.js';
import { Widget } from './widget.js';

/**
 * `<tidings-bell>`: a bell with a badge, and a panel with the feed.
 *
 * Attributes:
 * - `url`, `path`: create a feed of its own, with the options `credentials`, `transport` and `connection` (see `createFeed`).
 * - `theme`: `light` or `dark`. Default: the system's colour scheme.
 * - `inline`: the panel is part of the page, without a bell.
 * - `badge`: `unseen` (default) or `unread`.
 * - `tabs`: a tab for each category, with counts. A list of names (`orders mentions`) sets their order.
 * - `quiet`: no announcements to screen readers, for the second of two bells on one page.
 * - `lang`: the language of dates and numbers.
 *
 * Properties: `feed` (a feed from `createFeed`, for bearer tokens; the page closes it), `strings`, `present` (icons of your own types), `open`,
 * `push` (from `createPush`: the preferences have a switch for this device).
 *
 * Events:
 * - `tidings-select` (`detail.item`): a notification was clicked. Call `preventDefault()` to route it yourself. Not for clicks that open
 *   another tab or window.
 * - `tidings-action` (`detail.item`, `detail.action`): a button of a notification was clicked. `preventDefault()` as above.
 * - `tidings-toggle` (`detail.open`): the panel was opened or closed.
 */
export class TidingsBell extends FeedElement<Widget> {
  static readonly observedAttributes = [...FEED_ATTRIBUTES, 'inline', 'badge', 'lang', 'tabs'];

  constructor() {
    super((host) => new Widget(host));
  }

  /** Web Push in this browser, which gets a switch in the preferences. The page closes it. */
  get push(): BellPush | null {
    return this.widget.push;
  }

  set push(push: BellPush | null) {
    this.widget.push = push;
  }

  get open(): boolean {
    return this.widget.open;
  }

  set open(open: boolean) {
    if (open) this.show();
    else this.hide();
  }

  show(): void {
    this.widget.show();
  }

  /** Closes the panel. Moves the focus from the panel to the bell. */
  hide(): void {
    this.widget.hide();
  }
}
