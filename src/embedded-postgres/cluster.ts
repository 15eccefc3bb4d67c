import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { program, type Binaries } from './binaries.js';
import { EmbeddedPostgresError } from './error.js';
import { give, ignoring, passwordOf, type Home } from './home.js';
import { findPostmaster, isAlive, signalTree, type Postmaster } from './postmaster.js';
import { run } from './run.js';

/** The role that owns the cluster; applications use another one, see keeper.ts. */
export const SUPERUSER = 'postgres';

/** Settings of the server, as after `-c`. Durability is spelled out: it is what the log promises. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  // No sockets in the file system: their directory would need another place that both users can reach.
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

/** What became of an attempt to start. */
export type StartOutcome =
  | 'started'
  /** Somebody else's attempt came first, or the last server has not quite gone: look again. */
  | 'busy'
  /** The port was taken in the meantime: try another one. */
  | 'port-taken';

/** One Postgres data directory and the programs that work on it. Knows nothing of connections or of other processes. */
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
   * Makes the data directory unless it is there. It gets its name when it is complete, so that one that was cut off by a
   * SIGKILL or by another process's is never taken for whole.
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
    await writeFile(pwfile, `${await passwordOf(this.home)}\n`, { mode: 0o600 });
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
        `initdb could not make the database in ${this.dataDir} (exit code ${code}):\n${output}`,
      );
    }
    try {
      await rename(staging, this.dataDir);
    } catch (error) {
      await rm(staging, { recursive: true, force: true });
      if (!existsSync(this.dataDir)) throw error;
    }
  }

  /** The running server of this directory, also one that another process started; `null` if there is none. */
  postmaster(): Promise<Postmaster | null> {
    return findPostmaster(this.dataDir);
  }

  /**
   * Starts the server in a session of its own (pg_ctl calls setsid), so that a Ctrl-C in our terminal does not reach it.
   * Resolves when it takes connections, or is at least known to be recovering.
   *
   * @throws {EmbeddedPostgresError} with the server's last words.
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
    // pg_ctl has stopped waiting, but a server that replays a long log is there.
    if (/did not start in time/.test(output)) return 'started';

    const said = (await readFile(this.logFile)).subarray(logFrom).toString().trim();
    if (/could not bind|could not create any TCP\/IP sockets/.test(said)) return 'port-taken';
    // Backends outlive a killed postmaster for a moment and hold its shared memory.
    if (/shared memory block .* is still in use/.test(said)) return 'busy';
    if (/lock file "postmaster\.pid" (already exists|is empty)/.test(said)) {
      await this.removeStaleLock();
      return 'busy';
    }
    throw new EmbeddedPostgresError(
      `Postgres did not start in ${this.dataDir}. It said:\n${said || output}\n(${this.logFile})`,
    );
  }

  /** Stops the server, whoever started it; resolves when it is gone. Bounded: about 5 s at the very worst. */
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

  /** SIGKILL for a server that answers nothing any more; also for its children, which hold the shared memory. */
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
          ? ' The file is there but the loader that it needs is not: these binaries need glibc (Alpine has musl).'
          : '';
      throw new EmbeddedPostgresError(`${file} cannot be run: ${error.message}.${hint}`, { cause: error });
    });
  }

  /** Makes the log file, so that it has its owner from the start; returns where this start's lines will begin. */
  private async openLog(): Promise<number> {
    const size = (await stat(this.logFile).catch(ignoring('ENOENT')))?.size;
    if (size !== undefined && size <= MAX_LOG_BYTES) return size;
    if (size !== undefined) await rename(this.logFile, `${this.logFile}.old`);
    await (await open(this.logFile, 'a', 0o600)).close();
    await give(this.logFile, this.home.account);
    return 0;
  }

  /**
   * After a crash of the machine or in a new container the number in `postmaster.pid` may be some other process's now, and
   * Postgres, which cannot tell, refuses to start. We can: it is no postmaster of this directory.
   */
  private async removeStaleLock(): Promise<void> {
    if ((await this.postmaster()) !== null) return;
    const lock = join(this.dataDir, 'postmaster.pid');
    const stats = await stat(lock).catch(ignoring('ENOENT'));
    // An empty file is one that is being written at this moment, or what a crashed file system left.
    if (!stats || (stats.size === 0 && Date.now() - stats.mtimeMs < 5_000)) return;
    await unlink(lock).catch(ignoring('ENOENT'));
  }

  private async removeStaleStaging(): Promise<void> {
    for (const name of await readdir(this.home.path)) {
      const pid = /^(?:data\.new-|pwfile\.)(\d+)$/.exec(name)?.[1];
      // Our own number was a former process's: in containers they repeat.
      if (pid !== undefined && (Number(pid) === process.pid || !isAlive(Number(pid)))) {
        await rm(join(this.home.path, name), { recursive: true, force: true });
      }
    }
  }
}

/** The port that this directory's server had last; `null` if none is kept. */
export async function keptPort(home: Home): Promise<number | null> {
  const text = await readFile(join(home.path, 'port'), 'utf8').catch(ignoring('ENOENT'));
  const port = Number(text);
  return Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
}

/** Keeps the port, so that the server comes back under the same address. */
export async function keepPort(home: Home, port: number): Promise<void> {
  await writeFile(join(home.path, 'port'), `${port}\n`);
}
