import { Logger } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { MIGRATIONS, SCHEMA_VERSION } from './migrations/index.js';

/** "TIDG": one lock for all processes that migrate the same database, whatever they migrate it for. */
const MIGRATION_LOCK = 0x54494447;

/** The schema was migrated by newer code that says this code is too old for it. */
export class SchemaTooNewError extends Error {
  constructor(required: number) {
    super(
      `The database needs schema version ${required} or newer in the code, this code has ${SCHEMA_VERSION}: ` +
        'deploy a newer version of tidings.',
    );
    this.name = 'SchemaTooNewError';
  }
}

/**
 * Brings the schema up to date, or finds that it is newer than this code can run on. Processes that start at once queue up at an
 * advisory lock instead of failing on each other's tables; it belongs to the session, so that it cannot outlive a crash.
 *
 * On connections of its own, because a migration may take longer than any query of the service should.
 */
export async function migrate(url: string, schema: string): Promise<void> {
  const dataSource = await new DataSource({
    type: 'postgres',
    url,
    schema,
    applicationName: 'tidings-migrate',
    poolSize: 2,
    connectTimeoutMS: 5_000,
    migrations: MIGRATIONS.map(({ migration }) => migration),
    migrationsTableName: 'migration',
    installExtensions: false,
  }).initialize();
  try {
    const session = dataSource.createQueryRunner();
    await session.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await session.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`);
    await session.query(
      `CREATE TABLE IF NOT EXISTS "${schema}".schema_version
         (version integer CONSTRAINT schema_version_pkey PRIMARY KEY, min_compatible integer NOT NULL)`,
    );
    const [row] = (await session.query(
      `SELECT coalesce(max(min_compatible), 0) AS required FROM "${schema}".schema_version`,
    )) as [{ required: number }];
    if (row.required > SCHEMA_VERSION) throw new SchemaTooNewError(row.required);

    const ran = await dataSource.runMigrations({ transaction: 'each' });
    if (ran.length > 0)
      new Logger('Tidings').log(`Migrated schema "${schema}": ${ran.map((m) => m.name).join(', ')}`);
    for (const [index, { minCompatible }] of MIGRATIONS.entries()) {
      await session.query(`INSERT INTO "${schema}".schema_version VALUES ($1, $2) ON CONFLICT DO NOTHING`, [
        index + 1,
        minCompatible,
      ]);
    }
  } finally {
    // Ends the sessions, and the lock with them.
    await dataSource.destroy();
  }
}
