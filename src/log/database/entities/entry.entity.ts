import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * One entry of a feed's log. It has no foreign key to the feed: checking it would lock the feed's row once
 * more per entry, and only retention and
 * erasure remove rows, both starting at the feed.
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

  /** `json`, not `jsonb`, preserves the text, so that a replayed frame equals the live one. */
  @Column('json')
  data!: unknown;

  /** The type version that `data` was written for. */
  @Column('integer', { default: 1 })
  version!: number;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt!: Date | null;

  /**
   * When this entry was marked as read on its own; null if only the feed's watermark covers it. See
   * `read-state-functions.ts`.
   */
  @Column('timestamptz', { name: 'read_at', nullable: true })
  readAt!: Date | null;

  /** Unread, although covered by the watermark. */
  @Column('boolean', { name: 'unread_again', default: false })
  unreadAgain!: boolean;

  @Column('timestamptz', { name: 'archived_at', nullable: true })
  archivedAt!: Date | null;

  /** Not archived, although covered by the watermark. */
  @Column('boolean', { default: false })
  unarchived!: boolean;

  @Column('text', { name: 'collapse_key', nullable: true })
  collapseKey!: string | null;

  /** The number of notifications that this one stands for. */
  @Column('integer', { default: 1 })
  count!: number;

  /** The ids of the notifications that this one replaced. */
  @Column('uuid', { array: true, default: () => `'{}'` })
  replaces!: string[];

  /** Recalled, deleted, replaced or expired: the row only moves cursors. */
  @Column('boolean', { default: false })
  hidden!: boolean;

  /** The approximate size of the frame, so that a page can be limited before its rows are fetched. */
  @Column('integer')
  bytes!: number;
}
