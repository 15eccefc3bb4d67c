import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Records the erasure of a recipient or tenant: older jobs are dropped. */
@Entity({ name: 'tombstone' })
export class TombstoneEntity {
  /** A SHA-256 over tenant and recipient, see `tombstone_hash`. */
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'tombstone_pkey' })
  hash!: Buffer;

  @Column('timestamptz', { name: 'erased_at' })
  erasedAt!: Date;
}
