import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';

/**
 * The row of one feed. Its lock orders the feed's writers: numbers are only given out under it. Half of each page
 * is left free, so that the update of an append stays on its page (a HOT update: no index is touched).
 */
@Entity({ name: 'feed' })
@Unique('feed_tenant_recipient', ['tenant', 'recipient'])
export class FeedEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', primaryKeyConstraintName: 'feed_pkey' })
  id!: string;

  @Column('text')
  tenant!: string;

  @Column('text')
  recipient!: string;

  /** The random word in every cursor of this feed. */
  @Column('text', { default: () => `substr(replace((gen_random_uuid())::text, '-'::text, ''::text), 1, 10)` })
  epoch!: string;

  /** The number of the last entry. */
  @Column('bigint', { default: 0 })
  head!: string;

  /** Entries up to this number were trimmed. */
  @Column('bigint', { default: 0 })
  floor!: string;

  /** Notifications (not state entries) that are kept. */
  @Column('integer', { default: 0 })
  kept!: number;

  /** Kept notifications that are shown and not read; those that expired are subtracted when they are counted. */
  @Column('integer', { default: 0 })
  unread!: number;

  /** Those of them above `seenUpTo`. */
  @Column('integer', { default: 0 })
  unseen!: number;

  /** Entries up to this number are read, but for those that were made unread again. */
  @Column('bigint', { name: 'read_up_to', default: 0 })
  readUpTo!: string;

  /** The bell was opened when this was the newest entry. */
  @Column('bigint', { name: 'seen_up_to', default: 0 })
  seenUpTo!: string;

  /** Entries up to this number are archived, but for those that were taken out again. */
  @Column('bigint', { name: 'archived_up_to', default: 0 })
  archivedUpTo!: string;

  /** The types that the recipient does not want. */
  @Column('text', { array: true, default: () => `'{}'` })
  muted!: string[];

  /** When the recipient was erased, if this feed is of one who came back. */
  @Column('timestamptz', { name: 'erased_at', nullable: true })
  erasedAt!: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;
}
