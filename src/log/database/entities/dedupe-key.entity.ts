import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * A dedupe key that was used, in a table of its own: it outlives the entry, so that a late job cannot bring back
 * what was trimmed, deleted or erased (G5). Hashed over tenant, recipient and key: it also outlives the feed,
 * and then must not say whose it was.
 */
@Entity({ name: 'dedupe_key' })
@Index('dedupe_key_created_at', { synchronize: false })
export class DedupeKeyEntity {
  /** The first 16 bytes of a SHA-256. */
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'dedupe_key_pkey' })
  hash!: Buffer;

  @Column('bigint', { name: 'feed_id' })
  feedId!: string;

  /** The number that the entry got; 0 if it was recalled before it came. */
  @Column('bigint')
  seq!: string;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  /** Of the body that came with the key; null if none was given. */
  @Column('bytea', { nullable: true })
  fingerprint!: Buffer | null;
}
