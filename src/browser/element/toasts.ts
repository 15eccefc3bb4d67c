import { FeedElement } from './feed-element.js';
import { FEED_ATTRIBUTES } from './feed-source.js';
import { Toaster } from './toaster.js';

/**
 * `<tidings-toasts>`: new notifications, shown for some seconds in a corner of the visible tab. It shares the feed of a `<tidings-bell>` with
 * the same attributes or the same `feed`.
 *
 * Attributes:
 * - `url`, `path`, `credentials`, `transport`, `connection`, `theme`, `lang`: as of `<tidings-bell>`.
 * - `position`: `bottom-end` (default), `bottom-start`, `top-end` or `top-start`.
 * - `duration`: ms, default 6,000; twice as long with buttons. `0`: until they are closed. Those of severity `high` always stay until then.
 * - `max`: how many are shown at a time, default 3. More at once become a summary.
 *
 * Properties: `feed`, `strings`, `present`. Events: `tidings-select`, `tidings-action`, as of `<tidings-bell>`.
 */
export class TidingsToasts extends FeedElement<Toaster> {
  static readonly observedAttributes = [...FEED_ATTRIBUTES, 'lang'];

  constructor() {
    super((host) => new Toaster(host));
  }
}
