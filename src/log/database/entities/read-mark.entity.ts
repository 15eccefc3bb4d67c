import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One rise of a feed's read watermark: the time at which the entries it newly covers were read. */
@Entity({ name: 'read_mark' })
export class ReadMarkEntity {
  @PrimaryColumn('bigint', { name: 'feed_id', primaryKeyConstraintName: 'read_mark_pkey' })
  feedId!: string;

  @PrimaryColumn('bigint', { name: 'up_to', primaryKeyConstraintName: 'read_mark_pkey' })
  upTo!: string;

  @Column('timestamptz')
  at!: Date;
}
