import type { BellFeed } from './types.js';

/** The elements of this page that show one feed. */
export interface Presence {
  /** The number of `<tidings-toasts>`. They announce what arrives, so that the bells need not. */
  toasters: number;
  /** The open panels, which show what arrives. */
  readonly open: Set<object>;
  /** The bells that can be opened, in the order of the page. */
  readonly openers: Set<() => void>;
}

const known = new WeakMap<BellFeed, Presence>();

export function presenceOf(feed: BellFeed): Presence {
  let presence = known.get(feed);
  if (!presence) known.set(feed, (presence = { toasters: 0, open: new Set(), openers: new Set() }));
  return presence;
}
