import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * One entry of a feed's log. No foreign key to the feed: its check would lock the feed's row once more for each
 * entry, and rows are only ever removed by the retention and the erasure, which both start at the feed.
 */
@Entity({ name: 'entry' })
@Index('entry_created_at', { synchronize: false })
@Index('entry_unread_again', ['feedId', 'seq'], { where: 'unread_again' })
@Index('entry_unarchived', ['feedId', 'seq'], { where: 'unarchived' })
@Index('entry_collapsing', ['feedId', 'collapseKey', 'seq'], {
  where: '((collapse_key IS NOT NULL) AND (NOT hidden))',
})
@Index('entry_due', ['expiresAt'], { where: '((expires_at IS NOT NULL) AND (NOT hidden))' })
@Index('entry_expiring', ['feedId', 'expiresAt'], { where: '((expires_at IS NOT NULL) AND (NOT hidden))' })
export class EntryEntity {
  @PrimaryColumn('bigint', { name: 'feed_id', primaryKeyConstraintName: 'entry_pkey' })
  feedId!: string;

  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'entry_pkey' })
  seq!: string;

  /** The id of the notification; null for a change of state. */
  @Column('uuid', { nullable: true })
  id!: string | null;

  @Column('text')
  type!: string;

  @Column('text', { nullable: true })
  title!: string | null;

  @Column('text', { nullable: true })
  body!: string | null;

  @Column('text', { nullable: true })
  link!: string | null;

  /** `json`, not `jsonb`: the text comes back as it went in, so that a replayed frame equals the live one. */
  @Column('json')
  data!: unknown;

  /** The version of the type's declaration that wrote `data`. */
  @Column('integer', { default: 1 })
  version!: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  /** When it was read by itself; null also where the feed's watermark covers it. See `read-state-functions.ts`. */
  @Column('timestamptz', { name: 'read_at', nullable: true })
  readAt!: Date | null;

  /** Unread although the watermark covers it. */
  @Column('boolean', { name: 'unread_again', default: false })
  unreadAgain!: boolean;

  @Column('timestamptz', { name: 'archived_at', nullable: true })
  archivedAt!: Date | null;

  /** Not archived although the watermark covers it. */
  @Column('boolean', { default: false })
  unarchived!: boolean;

  @Column('text', { name: 'collapse_key', nullable: true })
  collapseKey!: string | null;

  /** How many notifications this one stands for. */
  @Column('integer', { default: 1 })
  count!: number;

  /** The ids of the notifications that this one took over from. */
  @Column('uuid', { array: true, default: () => `'{}'` })
  replaces!: string[];

  /** Recalled, deleted, replaced or swept after it expired: the row only moves cursors. */
  @Column('boolean', { default: false })
  hidden!: boolean;

  /** About how many bytes the frame has, so that a page can be bounded before its rows are fetched. */
  @Column('integer')
  bytes!: number;
}
