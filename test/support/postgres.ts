import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { findBinaries } from '../../src/embedded-postgres/binaries.js';
import { Cluster, SUPERUSER } from '../../src/embedded-postgres/cluster.js';
import { openHome, passwordsOf, type Home } from '../../src/embedded-postgres/home.js';
import { APPLICATION, Keeper } from '../../src/embedded-postgres/keeper.js';
import { signalTree } from '../../src/embedded-postgres/postmaster.js';
import { run } from '../../src/embedded-postgres/run.js';
import { STATE_DIR } from '../../src/embedded-postgres/state-dir.js';
import { freePort } from './ports.js';
import { asSuperuser, follow, takeBaseBackup } from './standby.js';
import { testDirectory, testRoot } from './test-root.js';

/** Where the server of the whole run keeps its superuser's URL. */
export const SHARED_URL = 'TIDINGS_TEST_PG_URL';

/** An empty database of its own for one test or suite. */
export interface TestDatabase {
  /** As the role that owns the database, which is no superuser: as in production. */
  readonly url: string;
  /** The same database as superuser. */
  readonly adminUrl: string;
  /** Drops it, with the connections that are still open. */
  drop(): Promise<void>;
}

/** Makes an empty database on the server that the whole run shares. */
export function createTestDatabase(): Promise<TestDatabase> {
  return create('template1');
}

/** Makes one with all tables of the log and of BullMQ, as after the first start of an instance; a copy takes a fraction of the migrations' time. */
export async function createMigratedDatabase(): Promise<TestDatabase> {
  await (migrated ??= makeMigratedTemplate());
  return create(MIGRATED);
}

const MIGRATED = 'tidings_migrated';
let migrated: Promise<void> | null = null;

async function create(template: string): Promise<TestDatabase> {
  const shared = sharedUrl();
  const name = `test_${randomBytes(8).toString('hex')}`;
  // Copied by the kernel, instead of page by page through the write-ahead log: a fifth of the CPU.
  const copied = `TEMPLATE ${template} STRATEGY FILE_COPY`;
  await administrate(shared, `CREATE DATABASE ${name} OWNER ${APPLICATION} ${copied}`);
  return {
    url: variant(shared, { user: APPLICATION, database: name }),
    adminUrl: variant(shared, { database: name }),
    drop: () => administrate(shared, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** Once a run: the first suite that needs it makes it, and those in other processes wait for that. */
async function makeMigratedTemplate(): Promise<void> {
  await exclusively(MIGRATED, async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [MIGRATED]);
    if (rowCount) return;
    const draft = `${MIGRATED}_draft`;
    await client.query(`DROP DATABASE IF EXISTS ${draft} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${draft} OWNER ${APPLICATION}`);
    await migrateAll(variant(sharedUrl(), { user: APPLICATION, database: draft }));
    await client.query(`ALTER DATABASE ${draft} RENAME TO ${MIGRATED}`);
  });
}

/** Does something that the processes of a run must not do at once. The shared Postgres keeps the others waiting. */
export async function exclusively(
  name: string,
  work: (client: pg.Client) => void | Promise<void>,
): Promise<void> {
  const client = new pg.Client(sharedUrl());
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [name]);
    await work(client);
  } finally {
    await client.end();
  }
}

async function migrateAll(url: string): Promise<void> {
  // Heavy, and most suites that run have them already.
  const { LogDatabase } = await import('../../src/log/database/database.js');
  const { runMigrations } = await import('bullmq');
  await (await LogDatabase.connect({ url, poolSize: 1, queryTimeoutMs: 10_000 })).close();
  const client = new pg.Client(url);
  await client.connect();
  try {
    await runMigrations(client, 'bullmq');
    // Each copy is an installation of its own.
    await client.query('DELETE FROM tidings.installation');
  } finally {
    await client.end();
  }
}

function sharedUrl(): string {
  const shared = process.env[SHARED_URL];
  if (!shared) throw new Error(`${SHARED_URL} is not set: run the tests with "npm test".`);
  return shared;
}

/** Durability is given up for speed: the tests kill processes, they do not cut the power. */
const FAST = {
  fsync: 'off',
  full_page_writes: 'off',
  file_copy_method: 'clone',
  // Of the application's password. Tests open thousands of connections, and each would hash it 4,096 times.
  scram_iterations: '1',
};
/** The data directory in the test root that every server of a run begins with a copy of. */
const INITIALISED = 'initialised';

/** A server of its own, for tests that stop, freeze or restore it. */
export class PrivatePostgres {
  private constructor(
    private readonly cluster: Cluster,
    private readonly password: string,
    /** The same over every restart. */
    readonly port: number,
  ) {}

  static async open(dataDir: string, port: number, sockets = false): Promise<PrivatePostgres> {
    const home = await openHome(dataDir, console);
    if (!existsSync(join(home.path, 'data'))) {
      await copyInitialised(home);
      await shareOnePassword(home);
    }
    const settings = { ...FAST, ...(sockets && { unix_socket_directories: join(home.path, 'data') }) };
    const cluster = new Cluster(home, await findBinaries(home.account), settings);
    await cluster.init();
    const passwords = await passwordsOf(home);
    const server = new PrivatePostgres(cluster, passwords.application, port);
    await server.start();
    // The keeper sees to the role and the database `tidings`; the tests are the only ones to stop this server.
    await (await Keeper.connect(port, passwords)).close();
    return server;
  }

  /** Starts a copy of this server that follows it over a connection until {@link promote}, and has the same roles and passwords. */
  async startStandby(): Promise<PrivatePostgres> {
    const home = await openHome(testDirectory('standby'), console);
    await takeBaseBackup(this, home);
    const cluster = new Cluster(home, await findBinaries(home.account), FAST);
    const standby = new PrivatePostgres(cluster, this.password, await freePort());
    await standby.start();
    return standby;
  }

  /** Makes a standby the primary. */
  async promote(): Promise<void> {
    await asSuperuser(this, async (client) => {
      const { rows } = await client.query<{ promoted: boolean }>('SELECT pg_promote() AS promoted');
      if (!rows[0]!.promoted) throw new Error(`The standby on port ${this.port} was not promoted`);
    });
  }

  /** Makes it a standby of another server; stop it first, in an orderly way, and start it again. */
  async follow(primary: PrivatePostgres): Promise<void> {
    await follow(primary, this.cluster.dataDir, this.cluster.home);
  }

  get dataDir(): string {
    return this.cluster.dataDir;
  }

  /** The database `tidings`, as the role that owns it. */
  get url(): string {
    return `postgres://${APPLICATION}:${this.password}@127.0.0.1:${this.port}/${APPLICATION}`;
  }

  /** The database `tidings` over the socket in a directory of the server's, in each form that names the user. */
  get socketUrls(): string[] {
    const path = this.cluster.dataDir;
    const user = `${APPLICATION}:${this.password}`;
    return [
      `postgres://${user}@/${APPLICATION}?host=${path}&port=${this.port}`,
      `postgres://${user}@${encodeURIComponent(path)}:${this.port}/${APPLICATION}`,
      `socket://${user}@${path}?db=${APPLICATION}&port=${this.port}`,
    ];
  }

  /** The database `postgres`, as superuser. */
  get superuserUrl(): string {
    return variant(this.url, { user: SUPERUSER, database: 'postgres' });
  }

  /** The same database as {@link url}, as superuser. */
  get adminUrl(): string {
    return variant(this.url, { user: SUPERUSER });
  }

  /** Starts it again on the same port; resolves when it takes connections. */
  async start(): Promise<void> {
    const deadline = Date.now() + 20_000;
    while ((await this.cluster.start(this.port)) !== 'started') {
      if (Date.now() > deadline) throw new Error(`Postgres does not start on port ${this.port}`);
    }
  }

  /** `fast`: orderly, connections are ended. `immediate`: as a crash, the next start recovers. */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.cluster.stop(mode);
  }

  async restart(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.stop(mode);
    await this.start();
  }

  /** Freezes every process of the server: connections stay open, nothing is answered. */
  async pause(): Promise<void> {
    await this.signalAll('SIGSTOP');
  }

  async resume(): Promise<void> {
    await this.signalAll('SIGCONT');
  }

  /** Copies the data directory; stop the server first. Returns the copy, for {@link restore}. */
  async copy(): Promise<string> {
    const copy = join(testDirectory('copy'), 'data');
    await copyTree(this.cluster.dataDir, copy);
    return copy;
  }

  /** Puts a copy back in place of the data directory; stop the server first. */
  async restore(copy: string): Promise<void> {
    await rm(this.cluster.dataDir, { recursive: true });
    await copyTree(copy, this.cluster.dataDir);
  }

  private async signalAll(signal: NodeJS.Signals): Promise<void> {
    const postmaster = await this.cluster.postmaster();
    if (postmaster === null) throw new Error('Postgres does not run');
    await signalTree(postmaster.pid, signal);
  }
}

/** Starts a private server in a new directory, or in one that an earlier one used. Stop it at the end of the test. */
export async function startPostgres(
  options: { port?: number; dataDir?: string; sockets?: boolean } = {},
): Promise<PrivatePostgres> {
  const { dataDir = testDirectory('postgres'), port = await freePort() } = options;
  return PrivatePostgres.open(dataDir, port, options.sockets);
}

/** Runs `initdb` for all servers of this run, and makes the application's role and database. */
export async function initialisePostgres(): Promise<void> {
  await (await startPostgres({ dataDir: join(testRoot(), INITIALISED) })).stop();
}

/** Nothing where no run has initialised one: `initdb` then makes it. */
async function copyInitialised(home: Home): Promise<void> {
  const from = join(testRoot(), INITIALISED, 'postgres');
  if (!existsSync(join(from, 'data'))) return;
  // The passwords of its roles are in the data.
  await copyTree(join(from, 'password'), join(home.path, 'password'));
  await copyTree(join(from, 'data'), join(home.path, 'data'));
}

/** Both roles get one password, so that a test turns the URL of one into that of the other. */
async function shareOnePassword(home: Home): Promise<void> {
  await passwordsOf(home);
  await copyTree(join(home.path, 'password'), join(home.path, 'superuser-password'));
}

/** Ends the servers below the test root, for the end of the run. */
export async function stopAllPostgres(root: string): Promise<void> {
  const silent = { log: () => {}, warn: () => {}, error: () => {} };
  for (const name of await readdir(root)) {
    const entries = await readdir(join(root, name)).catch((): string[] => []);
    if (!entries.includes('postgres')) continue;
    const home = await openHome(join(root, name), silent);
    await new Cluster(home, await findBinaries(home.account)).stop('immediate');
    // What was put elsewhere because Postgres's user cannot enter the temporary directory.
    if (dirname(home.path) === STATE_DIR) await rm(home.path, { recursive: true, force: true });
  }
}

async function administrate(url: string, sql: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function variant(url: string, change: { user?: string; database?: string }): string {
  const result = new URL(url);
  if (change.user) result.username = change.user;
  if (change.database) result.pathname = change.database;
  return result.href;
}

async function copyTree(from: string, to: string): Promise<void> {
  // `cp -a` keeps the owner, which node:fs does not.
  const { code, output } = await run('cp', ['-a', from, to]);
  if (code !== 0) throw new Error(output);
}
