import { Logger } from '@nestjs/common';
import {
  DataSource,
  MigrationExecutor,
  type EntityManager,
  type MigrationInterface,
  type QueryRunner,
} from 'typeorm';
import type { PostgresAddress } from '../../contract/options/connections.js';
import { BEGIN } from '../../platform/postgres/session.js';
import { requireSuitable } from '../database/requirements.js';
import { MIGRATIONS, SCHEMA_VERSION } from './index.js';
import { SchemaVersionEntity } from './schema-version.entity.js';

/** "TIDG": one lock for all processes that migrate the same database, whatever the schema. */
const MIGRATION_LOCK = 0x54494447;

/** The schema was migrated by newer code and is incompatible with this code. */
export class SchemaTooNewError extends Error {
  constructor(required: number) {
    super(
      `The database needs code of schema version ${required} or newer; this code has version ${SCHEMA_VERSION}: ` +
        'deploy a newer version of tidings.',
    );
    this.name = 'SchemaTooNewError';
  }
}

/**
 * The SQL that {@link migrate} runs on a schema of this version, in order, including its own bookkeeping; 0
 * means an empty database. It fails on a schema of
 * any other version.
 *
 * @throws {RangeError} if the version does not exist or nothing follows it.
 */
export async function migrationSql(schema: string, from = 0): Promise<string[]> {
  if (!Number.isInteger(from) || from < 0 || from >= SCHEMA_VERSION) {
    throw new RangeError(`must be a version of the schema from 0 to ${SCHEMA_VERSION - 1}, is ${from}`);
  }
  const statements =
    from > 0
      ? [assertVersion(schema, from)]
      : [
          `CREATE SCHEMA IF NOT EXISTS "${schema}"`,
          versionTable(schema),
          `CREATE TABLE "${schema}".migration (id serial PRIMARY KEY, "timestamp" bigint NOT NULL, name varchar NOT NULL)`,
        ];
  // The only parts of a query runner that migrations use.
  const recorder = {
    dataSource: { options: { type: 'postgres', schema } },
    query: (statement: string) => Promise.resolve(void statements.push(statement)),
  } as unknown as QueryRunner;
  for (const [index, { migration, minCompatible }] of MIGRATIONS.entries()) {
    if (index < from) continue;
    await (new migration() as MigrationInterface).up(recorder);
    const [, timestamp] = /(\d+)$/.exec(migration.name)!;
    statements.push(
      `INSERT INTO "${schema}".migration ("timestamp", name) VALUES (${timestamp}, '${migration.name}')`,
      `INSERT INTO "${schema}".schema_version VALUES (${index + 1}, ${minCompatible})`,
    );
  }
  return statements;
}

/** A statement that fails on any other version: half an upgrade would be recorded as a whole one. */
function assertVersion(schema: string, version: number): string {
  return `DO $$ BEGIN
    IF (SELECT max(version) FROM "${schema}".schema_version) IS DISTINCT FROM ${version} THEN
      RAISE EXCEPTION 'The schema "${schema}" does not have version ${version}: SELECT max(version) FROM "${schema}".schema_version';
    END IF;
  END $$`;
}

function versionTable(schema: string): string {
  return `CREATE TABLE IF NOT EXISTS "${schema}".schema_version
         (version integer CONSTRAINT schema_version_pkey PRIMARY KEY, min_compatible integer NOT NULL)`;
}

/** The schema is older than this code or missing, and this process must not migrate it. */
export class SchemaTooOldError extends Error {
  constructor(schema: string, found: number) {
    super(
      `The schema "${schema}" has version ${found}, this code needs ${SCHEMA_VERSION}: run "npx tidings migrate", ` +
        'or have its SQL printed with "npx tidings migrate --print".',
    );
    this.name = 'SchemaTooOldError';
  }
}

/**
 * Brings the schema up to date, or rejects one that is too new for this code. Concurrent processes wait for
 * an advisory lock instead of failing on each other's
 * tables.
 *
 * Everything runs in one transaction that is independent of the server's defaults, so that it is atomic, and
 * neither the lock nor settings stay in a session that a pooler reuses. It has its own connection, because a
 * migration may take longer than any query of the service.
 *
 * @throws {UnsuitableDatabaseError} {SchemaTooNewError}
 */
export async function migrate(address: PostgresAddress, schema: string): Promise<void> {
  await requireSuitable(address);
  const dataSource = await open(address, schema);
  try {
    const session = dataSource.createQueryRunner();
    await session.query(BEGIN);
    await session.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
    // Checked first: CREATE SCHEMA needs a privilege even if the schema exists.
    const [there] = (await session.query(
      'SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1) AS found',
      [schema],
    )) as [{ found: boolean }];
    if (!there.found) await session.query(`CREATE SCHEMA "${schema}"`);
    await session.query(versionTable(schema));
    await refuseNewer(session.manager);

    const executor = new MigrationExecutor(dataSource, session);
    executor.transaction = 'none';
    const ran = await executor.executePendingMigrations();
    const versions = MIGRATIONS.map(({ minCompatible }, index) => ({ version: index + 1, minCompatible }));
    await session.manager
      .createQueryBuilder()
      .insert()
      .into(SchemaVersionEntity)
      .values(versions)
      .orIgnore()
      .execute();
    await session.query('COMMIT');
    if (ran.length > 0)
      new Logger('Tidings').log(`Migrated schema "${schema}": ${ran.map((m) => m.name).join(', ')}`);
  } finally {
    // Ends the session, and with it an uncommitted transaction.
    await dataSource.destroy();
  }
}

/**
 * Checks that the schema fits this code, without changing anything.
 *
 * @throws {SchemaTooNewError} {SchemaTooOldError}
 */
export async function assertMigrated(address: PostgresAddress, schema: string): Promise<void> {
  const dataSource = await open(address, schema);
  try {
    const [there] = await dataSource.query<[{ found: boolean }]>(
      `SELECT to_regclass('"${schema}".schema_version') IS NOT NULL AS found`,
    );
    if (!there.found) throw new SchemaTooOldError(schema, 0);
    await refuseNewer(dataSource.manager);
    const version = (await dataSource.manager.maximum(SchemaVersionEntity, 'version')) ?? 0;
    if (version < SCHEMA_VERSION) throw new SchemaTooOldError(schema, version);
  } finally {
    await dataSource.destroy();
  }
}

async function refuseNewer(manager: EntityManager): Promise<void> {
  const required = (await manager.maximum(SchemaVersionEntity, 'minCompatible')) ?? 0;
  if (required > SCHEMA_VERSION) throw new SchemaTooNewError(required);
}

function open(address: PostgresAddress, schema: string): Promise<DataSource> {
  return new DataSource({
    type: 'postgres',
    schema,
    applicationName: 'tidings-migrate',
    poolSize: 2,
    connectTimeoutMS: 5_000,
    entities: [SchemaVersionEntity],
    migrations: MIGRATIONS.map(({ migration }) => migration),
    migrationsTableName: 'migration',
    installExtensions: false,
    extra: { ...address },
  }).initialize();
}
