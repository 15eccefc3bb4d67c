import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { eventually } from './eventually.js';
import { findTool } from './find-tool.js';
import { freePort } from './ports.js';
import { testDirectory } from './test-root.js';

const NOBODY = 65_534;

/** A PgBouncer in transaction mode, in front of one database. */
export interface PgBouncer {
  /** The database, through the pooler. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts Debian's PgBouncer as it is installed: it refuses the startup parameter `options`. */
export async function startPgBouncer(databaseUrl: string): Promise<PgBouncer> {
  const program = findTool('pgbouncer');
  if (program === null) throw new Error('pgbouncer is not installed: guard the suite with describeWith().');
  const { hostname, port: behind, pathname, username, password } = new URL(databaseUrl);
  const directory = testDirectory('pgbouncer');
  const port = await freePort();
  const file = join(directory, 'pgbouncer.ini');
  const users = join(directory, 'users.txt');
  const database = decodeURIComponent(pathname.slice(1));
  const secret = decodeURIComponent(password).replaceAll('"', '""');
  writeFileSync(users, `"${decodeURIComponent(username)}" "${secret}"\n`);
  writeFileSync(
    file,
    `[databases]
${database} = host=${hostname} port=${behind} dbname=${database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = transaction
# Few, so that the sessions of different clients are really shared.
default_pool_size = 4
max_client_conn = 200
`,
  );
  const log = join(directory, 'log');
  const output = openSync(log, 'a');
  // It refuses to run as root.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) {
    chmodSync(directory, 0o755);
    chownSync(users, NOBODY, NOBODY);
  }
  const child = spawn(program, [file], {
    stdio: ['ignore', output, output],
    ...(isRoot && { uid: NOBODY, gid: NOBODY }),
  });
  closeSync(output);
  const exited = once(child, 'exit');
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${port}`;
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`pgbouncer ended:\n${readFileSync(log, 'utf8')}`);
      const client = new pg.Client({ connectionString: url.href });
      await client.connect();
      await client.end();
    },
    { timeoutMs: 10_000 },
  );
  return {
    url: url.href,
    stop: async () => {
      // At once: it would wait for its clients.
      child.kill('SIGTERM');
      await exited;
    },
  };
}
