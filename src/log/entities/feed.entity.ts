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

  /** Kept notifications that are not read; those that expired are subtracted when they are counted. */
  @Column('integer', { default: 0 })
  unread!: number;

  /** Kept notifications that the recipient has not seen in the list yet; expired ones as in `unread`. */
  @Column('integer', { default: 0 })
  unseen!: number;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz', default: () => 'now()' })
  createdAt!: Date;
}
