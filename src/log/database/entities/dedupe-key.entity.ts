import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/**
 * A used dedupe key. In a table of its own, because it outlives the entry: a late job must not bring back
 * what was trimmed, deleted or erased (G5). It
 * is a hash of tenant, recipient and key, because it also outlives the feed and must not identify the
 * recipient then.
 */
@Entity({ name: 'dedupe_key' })
@Index('dedupe_key_created_at', { synchronize: false })
export class DedupeKeyEntity {
  /** The first 16 bytes of a SHA-256. */
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'dedupe_key_pkey' })
  hash!: Buffer;

  @Column('bigint', { name: 'feed_id' })
  feedId!: string;

  /** The number of the entry; 0 if it was recalled before it was delivered. */
  @Column('bigint')
  seq!: string;

  @Column('timestamptz', { name: 'created_at' })
  createdAt!: Date;

  /** A fingerprint of the body given with the key; null if there was none. */
  @Column('bytea', { nullable: true })
  fingerprint!: Buffer | null;
}
