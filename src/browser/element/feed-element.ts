import type { NotificationItem } from '../../contract/model/entry.js';
import { BASE } from './css/base.js';
import { PANEL } from './css/panel.js';
import { ROW } from './css/row.js';
import { TOAST } from './css/toast.js';
import type { Appearance } from './appearance.js';
import { upgradeProperties } from './dom.js';
import type { FeedSource } from './feed-source.js';
import type { BellStrings } from './strings.js';
import { adoptSheet } from './styles.js';
import type { BellFeed, Presentation } from './types.js';

// On a server the module can be imported, though there are no elements.
const Base = globalThis.HTMLElement ?? class {};

const STYLES = BASE + PANEL + ROW + TOAST;

/** What an element shows, and what connects that with a feed. */
export interface FeedWidget {
  /** The content of the shadow root. */
  readonly elements: readonly Element[];
  readonly source: FeedSource;
  readonly appearance: Appearance;
  /** The host has come into the page. */
  start(): void;
  /** The host leaves the page, or moves within it. */
  close(): void;
  /** The host has left the page. */
  stop(): void;
  restyle(): void;
  attributeChanged(name: string): void;
}

/** An element that shows a feed: the properties and the life cycle that the elements have in common. */
export abstract class FeedElement<Widget extends FeedWidget> extends Base {
  /** @internal */
  protected readonly widget: Widget;

  constructor(create: (host: HTMLElement) => Widget) {
    super();
    const root = this.attachShadow({ mode: 'open' });
    adoptSheet(root, STYLES);
    this.widget = create(this);
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

  connectedCallback(): void {
    upgradeProperties(this);
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
