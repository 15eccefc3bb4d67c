import type { NotificationItem } from '../../contract/model/entry.js';
import { upgradeProperties } from './dom.js';
import { FEED_ATTRIBUTES } from './feed-source.js';
import type { BellStrings } from './strings.js';
import { adoptStyles } from './styles.js';
import type { BellFeed, Presentation } from './types.js';
import { Widget } from './widget.js';

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

  private readonly widget: Widget;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    adoptStyles(root);
    this.widget = new Widget(this);
    root.append(...this.widget.elements);
  }

  /** The feed that is shown: the assigned one, or the element's own. */
  get feed(): BellFeed | null {
    return this.widget.source.feed;
  }

  set feed(feed: BellFeed | null) {
    this.widget.source.assign(feed);
    if (this.isConnected) this.widget.source.connect();
  }

  /** Replaces some of the texts; the others stay English. */
  set strings(strings: Partial<BellStrings>) {
    this.widget.appearance.setStrings(strings);
    this.widget.restyle();
  }

  get strings(): BellStrings {
    return this.widget.appearance.strings;
  }

  /** Chooses the icon of a notification and its tone; `null` for the default one. */
  set present(presenter: ((item: NotificationItem) => Presentation | null) | null) {
    this.widget.appearance.setPresenter(presenter);
    this.widget.restyle();
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

  connectedCallback(): void {
    upgradeProperties<TidingsBell>(this, ['feed', 'strings', 'present', 'open']);
    this.widget.start();
  }

  disconnectedCallback(): void {
    this.widget.close();
    // An element that is moved within the page keeps its connection.
    queueMicrotask(() => {
      if (!this.isConnected) this.widget.stop();
    });
  }

  attributeChangedCallback(name: string, before: string | null, after: string | null): void {
    if (before !== after && this.isConnected) this.widget.attributeChanged(name);
  }
}
