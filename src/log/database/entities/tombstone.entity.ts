import { Column, Entity, PrimaryColumn } from 'typeorm';

/** What stays of an erased recipient, or of an erased tenant: jobs from before that time are dropped. */
@Entity({ name: 'tombstone' })
export class TombstoneEntity {
  /** A SHA-256 over tenant and recipient, see `tombstone_hash`. */
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'tombstone_pkey' })
  hash!: Buffer;

  @Column('timestamptz', { name: 'erased_at' })
  erasedAt!: Date;
}
