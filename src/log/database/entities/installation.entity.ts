import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The one row that identifies this database, see `restore-guard.ts`. */
@Entity({ name: 'installation' })
@Check('installation_single', 'single')
export class InstallationEntity {
  @PrimaryColumn('boolean', { default: true, primaryKeyConstraintName: 'installation_pkey' })
  single!: boolean;

  /** Changes with every rotation of epochs, so that only one of several processes that detect a restore rotates. */
  @Column('text')
  incarnation!: string;

  /** From `pg_control_system()`; null if the server does not reveal it. */
  @Column('text', { name: 'system_identifier', nullable: true })
  systemIdentifier!: string | null;

  /** From `pg_control_checkpoint()`; a point-in-time recovery and a failover each begin a new timeline. */
  @Column('integer', { nullable: true })
  timeline!: number | null;
}
