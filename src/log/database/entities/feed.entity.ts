import { Column, CreateDateColumn, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';

/**
 * The row of one feed. Numbers are assigned under its lock, which orders the feed's writers. Half of each
 * page stays free, so that an append's update
 * stays on its page (a HOT update: no index is touched).
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

  /** The number of kept notifications, without state entries. */
  @Column('integer', { default: 0 })
  kept!: number;

  /** The number of kept notifications that are visible and unread; readers subtract the expired ones. */
  @Column('integer', { default: 0 })
  unread!: number;

  /** The number of those above `seenUpTo`. */
  @Column('integer', { default: 0 })
  unseen!: number;

  /** Entries up to this number are read, except those marked as unread again. */
  @Column('bigint', { name: 'read_up_to', default: 0 })
  readUpTo!: string;

  /** The newest entry when the bell was last opened. */
  @Column('bigint', { name: 'seen_up_to', default: 0 })
  seenUpTo!: string;

  /** Entries up to this number are archived, except those unarchived again. */
  @Column('bigint', { name: 'archived_up_to', default: 0 })
  archivedUpTo!: string;

  /** The types that the recipient has muted. */
  @Column('text', { array: true, default: () => `'{}'` })
  muted!: string[];

  /** When the recipient was erased, if this feed was created afterwards. */
  @Column('timestamptz', { name: 'erased_at', nullable: true })
  erasedAt!: Date | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;
}
