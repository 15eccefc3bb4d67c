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
      /**
       * The cursor that the counts are of, where it is not this entry's own: a notification that took over from `ids` is gone itself by
       * the time that it is read from the log, and nobody knows any more what the counts were at its place.
       */
      readonly asOf?: string;
    } & CountsAfter);
