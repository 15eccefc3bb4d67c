/** Why notifications left the feed. */
export type RemovalReason = 'deleted' | 'recalled' | 'expired' | 'replaced';

/** The notifications affected by a change of state: some, or all up to a position. */
export type ChangedItems = { readonly ids: readonly string[] } | { readonly upTo: string };

/** The counts after a change of state. */
export interface CountsAfter {
  readonly unread: number;
  readonly unseen: number;
}

/** A change of state in the log and on the wire: the object in a frame's `data`. */
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
       * The cursor of the counts, if it is not the entry's own. When an entry that replaced `ids` is read
       * from the log but is itself no longer visible, the counts at its
       * position are no longer known.
       */
      readonly asOf?: string;
    } & CountsAfter)
  | ({
      /** An action was chosen, on whichever device; the notification is read. */
      readonly type: 'feed.acted';
      /** One. */
      readonly ids: readonly string[];
      readonly action: string;
      readonly at: string;
    } & CountsAfter)
  | ({
      /** They leave the feed, and come back as new at this time, or before it if they are unsnoozed. */
      readonly type: 'feed.snoozed';
      readonly ids: readonly string[];
      readonly until: string;
    } & CountsAfter)
  | ({
      /** Entries of an audience were removed by its retention before this feed could take them. */
      readonly type: 'feed.missed';
      readonly audience: string;
      /** How many, at most: recalls among them are counted, too. */
      readonly count: number;
    } & CountsAfter);
