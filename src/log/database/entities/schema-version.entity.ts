import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One row for each migration that ran: how old the code may be that still works with it. */
@Entity({ name: 'schema_version' })
export class SchemaVersionEntity {
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'schema_version_pkey' })
  version!: number;

  /** The lowest version of the code that can run on this schema: rolling deploys and rollbacks stay possible. */
  @Column('integer', { name: 'min_compatible' })
  minCompatible!: number;
}
