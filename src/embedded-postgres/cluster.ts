import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { program, type Binaries } from './binaries.js';
import { EmbeddedPostgresError } from './error.js';
import { give, ignoring, passwordsOf, type Home } from './home.js';
import { findPostmaster, isAlive, signalTree, type Postmaster } from './postmaster.js';
import { run } from './run.js';

/** The role that owns the cluster; applications use another role, see keeper.ts. */
export const SUPERUSER = 'postgres';

/** Settings of the server, as for `-c`. Durability is explicit, because the log promises it. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // No Unix sockets: their directory would be another place that both users must reach.
  unix_socket_directories: '',
  max_connections: '200',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  cluster_name: 'tidings',
};

const MAX_LOG_BYTES = 10 * 1024 * 1024;

/** The result of an attempt to start. */
export type StartOutcome =
  | 'started'
  /** Another process is starting it, or the previous server is still shutting down: check again. */
  | 'busy'
  /** The port was taken meanwhile: try another one. */
  | 'port-taken';

/** A Postgres data directory and the programs that work on it. Independent of connections and of other processes. */
export class Cluster {
  constructor(
    readonly home: Home,
    private readonly binaries: Binaries,
    private readonly settings: Readonly<Record<string, string>> = {},
  ) {}

  get dataDir(): string {
    return join(this.home.path, 'data');
  }

  get logFile(): string {
    return join(this.home.path, 'postgres.log');
  }

  /**
   * Creates the data directory unless it exists. It gets its name when it is complete, so that an interrupted
   * one, or one in progress elsewhere, is never used.
   *
   * @throws {EmbeddedPostgresError} with the output of `initdb`.
   */
  async init(): Promise<void> {
    await this.removeStaleStaging();
    if (existsSync(this.dataDir)) return;
    const staging = `${this.dataDir}.new-${process.pid}`;
    const pwfile = join(this.home.path, `pwfile.${process.pid}`);
    await mkdir(staging, { mode: 0o700 });
    await give(staging, this.home.account);
    await writeFile(pwfile, `${(await passwordsOf(this.home)).superuser}\n`, { mode: 0o600 });
    await give(pwfile, this.home.account);
    const { code, output } = await this.run('initdb', [
      ...['-D', staging],
      `--username=${SUPERUSER}`,
      `--pwfile=${pwfile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-instructions',
      ...(this.settings.fsync === 'off' ? ['--no-sync'] : []),
    ]);
    await rm(pwfile);
    if (code !== 0) {
      await rm(staging, { recursive: true, force: true });
      throw new EmbeddedPostgresError(
        `initdb could not create the database in ${this.dataDir} (exit code ${code}):\n${output}`,
      );
    }
    try {
      await rename(staging, this.dataDir);
    } catch (error) {
      await rm(staging, { recursive: true, force: true });
      if (!existsSync(this.dataDir)) throw error;
    }
  }

  /** The running server of this directory, whichever process started it; `null` if there is none. */
  postmaster(): Promise<Postmaster | null> {
    return findPostmaster(this.dataDir);
  }

  /**
   * Starts the server in a session of its own (pg_ctl calls setsid), so that Ctrl-C in our terminal does not
   * reach it. Resolves when it accepts connections, or is at least recovering.
   *
   * @throws {EmbeddedPostgresError} with the end of the server's log.
   */
  async start(port: number): Promise<StartOutcome> {
    const logFrom = await this.openLog();
    const settings = { ...SETTINGS, ...this.settings, port: String(port) };
    const options = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
    const { code, output } = await this.run('pg_ctl', [
      'start',
      ...['-D', this.dataDir, '-l', this.logFile, '-w', '-t', '3', '-o', options.join(' ')],
    ]);
    if (code === 0) return 'started';
    // pg_ctl has stopped waiting, but the server is running and replays a long log.
    if (/did not start in time/.test(output)) return 'started';

    const lines = (await readFile(this.logFile)).subarray(logFrom).toString().trim();
    if (/could not bind|could not create any TCP\/IP sockets/.test(lines)) return 'port-taken';
    // Backends briefly outlive a killed postmaster and hold its shared memory.
    if (/shared memory block .* is still in use/.test(lines)) return 'busy';
    if (/lock file "postmaster\.pid" (already exists|is empty)/.test(lines)) {
      await this.removeStaleLock();
      return 'busy';
    }
    throw new EmbeddedPostgresError(
      `Postgres did not start in ${this.dataDir}. Its log:\n${lines || output}\n(${this.logFile})`,
    );
  }

  /** Stops the server, whichever process started it; resolves when it has stopped, after at most about 5 s. */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<'fast' | 'immediate' | 'killed'> {
    const stop = async (how: 'fast' | 'immediate', seconds: number): Promise<boolean> => {
      if ((await this.postmaster()) === null) return true;
      await this.run('pg_ctl', ['stop', '-D', this.dataDir, '-m', how, '-w', '-t', String(seconds)]);
      return (await this.postmaster()) === null;
    };
    if (mode === 'fast' && (await stop('fast', 3))) return 'fast';
    if (await stop('immediate', 1)) return 'immediate';
    await this.kill();
    return 'killed';
  }

  /** Kills an unresponsive server with SIGKILL, including its children, which hold the shared memory. */
  async kill(): Promise<void> {
    const postmaster = await this.postmaster();
    if (postmaster === null) return;
    await signalTree(postmaster.pid, 'SIGKILL');
    for (let i = 0; i < 100 && (await this.postmaster()) !== null; i++) await delay(20);
  }

  private run(name: 'initdb' | 'pg_ctl', args: string[]): ReturnType<typeof run> {
    const file = program(this.binaries, name);
    const { account, path: cwd } = this.home;
    return run(file, args, { account, cwd }).catch((error: NodeJS.ErrnoException) => {
      const hint =
        error.code === 'ENOENT' && existsSync(file)
          ? ' The file exists but its loader does not: these binaries need glibc (Alpine has musl).'
          : '';
      throw new EmbeddedPostgresError(`${file} cannot be run: ${error.message}.${hint}`, { cause: error });
    });
  }

  /** Creates the log file with the right owner; returns the offset at which this start's lines begin. */
  private async openLog(): Promise<number> {
    const size = (await stat(this.logFile).catch(ignoring('ENOENT')))?.size;
    if (size !== undefined && size <= MAX_LOG_BYTES) return size;
    if (size !== undefined) await rename(this.logFile, `${this.logFile}.old`);
    await (await open(this.logFile, 'a', 0o600)).close();
    await give(this.logFile, this.home.account);
    return 0;
  }

  /**
   * After a crash of the machine or in a new container, another process may have the pid in `postmaster.pid`,
   * and Postgres refuses to start. Unlike Postgres, we check whether that process is a postmaster of this
   * directory.
   */
  private async removeStaleLock(): Promise<void> {
    if ((await this.postmaster()) !== null) return;
    const lock = join(this.dataDir, 'postmaster.pid');
    const stats = await stat(lock).catch(ignoring('ENOENT'));
    // An empty file is either being written or left by a crashed file system.
    if (!stats || (stats.size === 0 && Date.now() - stats.mtimeMs < 5_000)) return;
    await unlink(lock).catch(ignoring('ENOENT'));
  }

  private async removeStaleStaging(): Promise<void> {
    for (const name of await readdir(this.home.path)) {
      const pid = /^(?:data\.new-|pwfile\.)(\d+)$/.exec(name)?.[1];
      // Our own pid was a former process's: containers reuse them.
      if (pid !== undefined && (Number(pid) === process.pid || !isAlive(Number(pid)))) {
        await rm(join(this.home.path, name), { recursive: true, force: true });
      }
    }
  }
}

/** The last port of this directory's server; `null` if none is stored. */
export async function keptPort(home: Home): Promise<number | null> {
  const text = await readFile(join(home.path, 'port'), 'utf8').catch(ignoring('ENOENT'));
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
}

/** Stores the port, so that the server keeps its address. */
export async function keepPort(home: Home, port: number): Promise<void> {
  await writeFile(join(home.path, 'port'), `${port}\n`);
}
