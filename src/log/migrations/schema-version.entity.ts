import { Column, Entity, PrimaryColumn } from 'typeorm';

/** One row per applied migration, with the oldest code that is compatible with it. */
@Entity({ name: 'schema_version' })
export class SchemaVersionEntity {
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'schema_version_pkey' })
  version!: number;

  /** The lowest code version that can run on this schema, so that rolling deploys and rollbacks stay possible. */
  @Column('integer', { name: 'min_compatible' })
  minCompatible!: number;
}
