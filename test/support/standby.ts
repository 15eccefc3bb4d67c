import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { give, ignoring, type Home } from '../../src/embedded-postgres/home.js';
import { eventually } from './eventually.js';
import type { PrivatePostgres } from './postgres.js';

/** Under this name a standby reports to its primary. */
const STANDBY = 'standby';
/** A busy machine takes many times as long as an idle one. */
const LIMIT_MS = 60_000;
/** What a server has for itself: locks, and slots of its own standbys. */
const NOT_COPIED = /^(postmaster\.(pid|opts)|pg_replslot|pg_stat_tmp)$/;

/** Runs statements on one connection, as superuser. */
export async function asSuperuser<T>(
  server: PrivatePostgres,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(server.superuserUrl);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * Copies the data directory of a running primary into that of a new standby. By the low-level API: the binaries that npm brings have no
 * `pg_basebackup`.
 */
export async function takeBaseBackup(primary: PrivatePostgres, home: Home): Promise<void> {
  const to = join(home.path, 'data');
  await asSuperuser(primary, async (client) => {
    // What is written from now on must still be there when the standby asks for it.
    await client.query(`ALTER SYSTEM SET wal_keep_size = '512MB'`);
    await client.query('SELECT pg_reload_conf()');
    await client.query(`SELECT pg_backup_start('standby', true)`);
    await copyRunning(primary.dataDir, to, home);
    const { rows } = await client.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
    await write(join(to, 'backup_label'), rows[0]!.labelfile, home);
  });
  for (const name of ['pg_replslot', 'pg_stat_tmp']) await makeDirectory(join(to, name), home);
  await follow(primary, to, home);
}

/** Makes the server of a data directory, which must be stopped, a standby of this primary. */
export async function follow(primary: PrivatePostgres, dataDir: string, home: Home): Promise<void> {
  const { hostname, port, username, password } = new URL(primary.superuserUrl);
  const address = `host=${hostname} port=${port} user=${username} password=${password} application_name=${STANDBY}`;
  // Nothing of the former primary's: after the promotion it would wait for a standby that nobody started.
  await write(
    join(dataDir, 'postgresql.auto.conf'),
    `primary_conninfo = '${address}'\nwal_keep_size = '512MB'\nwal_retrieve_retry_interval = '200ms'\n`,
    home,
  );
  await write(join(dataDir, 'standby.signal'), '', home);
}

/** From now on each commit of the primary waits for its standby. Resolves when that streams. */
export async function requireStandby(primary: PrivatePostgres): Promise<void> {
  await asSuperuser(primary, async (client) => {
    await client.query(`ALTER SYSTEM SET synchronous_standby_names = '${STANDBY}'`);
    await client.query('SELECT pg_reload_conf()');
  });
  await untilReplicated(primary, 'sync');
}

/** Resolves when the standby of a primary streams, and has everything that is committed now. */
export async function untilReplicated(primary: PrivatePostgres, state: 'async' | 'sync'): Promise<void> {
  await asSuperuser(primary, (client) =>
    eventually(
      async () => {
        const { rows } = await client.query<{ sync_state: string; complete: boolean }>(
          `SELECT sync_state, flush_lsn >= pg_current_wal_flush_lsn() AS complete FROM pg_stat_replication
            WHERE application_name = '${STANDBY}' AND state = 'streaming'`,
        );
        return rows.some(({ sync_state, complete }) => sync_state === state && complete);
      },
      { timeoutMs: LIMIT_MS },
    ),
  );
}

/** The standby receives nothing any more. */
export async function disconnect(standby: PrivatePostgres, primary: PrivatePostgres): Promise<void> {
  await asSuperuser(standby, async (client) => {
    await client.query(`ALTER SYSTEM SET primary_conninfo = ''`);
    await client.query('SELECT pg_reload_conf()');
  });
  await asSuperuser(primary, (client) =>
    eventually(async () => (await client.query('SELECT FROM pg_stat_replication')).rowCount === 0, {
      timeoutMs: LIMIT_MS,
    }),
  );
}

/** Files come and go meanwhile, and change; the write-ahead log of that time makes the copy whole. */
async function copyRunning(from: string, to: string, home: Home): Promise<void> {
  await makeDirectory(to, home);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (NOT_COPIED.test(entry.name)) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      await copyRunning(source, target, home);
    } else {
      await copyFile(source, target).then(() => give(target, home.account), ignoring('ENOENT'));
    }
  }
}

async function makeDirectory(path: string, { account }: Home): Promise<void> {
  await mkdir(path, { mode: 0o700, recursive: true });
  await give(path, account);
}

async function write(file: string, text: string, { account }: Home): Promise<void> {
  // Another user's, who is not root, may be of a link.
  await rm(file, { force: true });
  await writeFile(file, text, { mode: 0o600 });
  await give(file, account);
}
