import { Check, Column, Entity, PrimaryColumn } from 'typeorm';

/** The one row that remembers which database this was, see `restore-guard.ts`. */
@Entity({ name: 'installation' })
@Check('installation_single', 'single')
export class InstallationEntity {
  @PrimaryColumn('boolean', { default: true, primaryKeyConstraintName: 'installation_pkey' })
  single!: boolean;

  /** Changes with every rotation of epochs, so that of several processes that notice a restore one rotates. */
  @Column('text')
  incarnation!: string;

  /** `pg_control_system()`; null where the server does not tell. */
  @Column('text', { name: 'system_identifier', nullable: true })
  systemIdentifier!: string | null;

  /** `pg_control_checkpoint()`; a point-in-time recovery and a fail-over begin a new one. */
  @Column('integer', { nullable: true })
  timeline!: number | null;
}
