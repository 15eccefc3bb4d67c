import type { Foot, Notice, View } from './panel.js';
import type { BellSnapshot } from './types.js';

/** Fewer than this are seen to be all. */
const FEW = 10;

/** What went wrong here, beside what the feed says of itself. */
export interface Troubles {
  readonly absent: boolean;
  readonly actionFailed: boolean;
  readonly moreFailed: boolean;
}

export function viewOf({ loaded, status, items }: BellSnapshot): View {
  if (status.state === 'stopped') {
    if (status.reason === 'unauthenticated' || status.reason === 'signed-out') return 'signed-out';
    if (items.length === 0) return 'refused';
  }
  if (!loaded) return status.state === 'offline' || status.state === 'closed' ? 'unreachable' : 'loading';
  return items.length > 0 ? 'list' : 'empty';
}

export function noticeOf(view: View, { status }: BellSnapshot, { actionFailed, absent }: Troubles): Notice {
  if (view === 'unreachable' || view === 'signed-out' || view === 'refused') return null;
  if (actionFailed) return 'failed';
  if (status.state === 'closed' || status.state === 'stopped') return 'paused';
  return absent ? 'offline' : null;
}

export function footOf(
  view: View,
  { items, hasMore, loadingMore }: BellSnapshot,
  { moreFailed }: Troubles,
): Foot {
  if (view !== 'list') return null;
  if (loadingMore) return 'loading';
  if (moreFailed) return 'failed';
  return hasMore || items.length < FEW ? null : 'end';
}
