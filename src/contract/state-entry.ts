/** Why notifications left the feed. */
export type RemovalReason = 'deleted' | 'recalled' | 'expired' | 'replaced';

/** Which notifications a change of state is about: some, or all up to a place. */
export type ChangedItems = { readonly ids: readonly string[] } | { readonly upTo: string };

/** The counts after a change of state. */
export interface CountsAfter {
  readonly unread: number;
  readonly unseen: number;
}

/** A change of state as it is in the log and on the wire: the object in a frame's `data`. */
export type StateEntry =
  | ({
      readonly type: 'feed.read' | 'feed.unread' | 'feed.seen' | 'feed.archived' | 'feed.unarchived';
    } & ChangedItems &
      CountsAfter)
  | ({
      readonly type: 'feed.removed';
      readonly reason: RemovalReason;
      readonly ids: readonly string[];
    } & CountsAfter);
