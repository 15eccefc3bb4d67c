import { Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/** A notification that a recipient did not get, with the reason; for support, kept as long as entries. */
@Entity({ name: 'dropped' })
@Index('dropped_at', { synchronize: false })
export class DroppedEntity {
  @PrimaryColumn('bigint', { name: 'feed_id', primaryKeyConstraintName: 'dropped_pkey' })
  feedId!: string;

  @PrimaryGeneratedColumn('identity', { type: 'bigint', primaryKeyConstraintName: 'dropped_pkey' })
  id!: string;

  @Column('text')
  reason!: string;

  @Column('text')
  type!: string;

  @Column('text', { name: 'job_id' })
  jobId!: string;

  @Column('timestamptz')
  at!: Date;
}
