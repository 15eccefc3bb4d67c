import type { Foot, Notice, View } from './panel.js';
import type { BellSnapshot } from './types.js';

/** A list shorter than this is visibly complete, and needs no end mark. */
const END_MARK_FROM = 10;

/** Problems that the snapshot does not contain. */
export interface Problems {
  /** The connection has been down for long enough to show it. */
  readonly offline: boolean;
  readonly actionFailed: 'failed' | 'already-acted' | null;
  readonly loadFailed: boolean;
}

/** @param category the one that is shown; `''` for all. */
export function viewOf({ loaded, status, items }: BellSnapshot, category: string): View {
  if (status.state === 'stopped') {
    if (status.reason === 'unauthenticated' || status.reason === 'signed-out') return 'signed-out';
    if (items.length === 0) return 'refused';
  }
  if (!loaded) return status.state === 'offline' || status.state === 'closed' ? 'unreachable' : 'loading';
  if (items.length > 0) return 'list';
  return category === '' ? 'empty' : 'empty-category';
}

export function noticeOf(view: View, { status }: BellSnapshot, { actionFailed, offline }: Problems): Notice {
  if (view === 'unreachable' || view === 'signed-out' || view === 'refused') return null;
  if (actionFailed) return actionFailed;
  if (status.state === 'closed' || status.state === 'stopped') return 'paused';
  return offline ? 'offline' : null;
}

export function footOf(
  view: View,
  { items, hasMore, loadingMore }: BellSnapshot,
  { loadFailed }: Problems,
): Foot {
  if (view !== 'list') return null;
  if (loadingMore) return 'loading';
  if (loadFailed) return 'failed';
  return hasMore || items.length < END_MARK_FROM ? null : 'end';
}
