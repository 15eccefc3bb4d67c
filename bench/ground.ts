import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../src/embedded-postgres/embedded-postgres.js';
import { freePort } from '../src/embedded-postgres/ports.js';

/** A Redis of our own, without persistence: the fastest for the worker that Tidings is compared with. */
interface OwnRedis {
  readonly url: string;
  readonly process: ChildProcess;
}

/** The servers below: Postgres, durable as in production, and Redis if it is installed. In a directory that goes with them. */
export class Ground {
  private constructor(
    private readonly directory: string,
    private readonly stays: boolean,
    private readonly postgres: EmbeddedPostgres,
    private readonly redis: OwnRedis | null,
    /** Of Postgres and Redis. */
    readonly pids: Readonly<Record<string, number>>,
    /** How long the disk takes to keep 8 KiB, ms: a commit waits for it. */
    readonly syncMs: number,
  ) {}

  /** @param dataDir A directory that stays, instead of one that goes with the servers. */
  static async open(dataDir: string | null): Promise<Ground> {
    const directory = dataDir ?? (await mkdtemp(join(tmpdir(), 'tidings-bench-')));
    await mkdir(directory, { recursive: true });
    // Postgres runs as another user when this one is root.
    await chmod(directory, 0o755);
    const syncMs = await timeSync(join(directory, 'sync'));
    const postgres = await startEmbeddedPostgres({ dataDir: directory });
    const pidFile = await readFile(join(directory, 'postgres', 'data', 'postmaster.pid'), 'utf8');
    const redis = await startRedis(directory);
    const pids: Record<string, number> = { postgres: parseInt(pidFile) };
    if (redis?.process.pid) pids['redis'] = redis.process.pid;
    return new Ground(directory, dataDir !== null, postgres, redis, pids, syncMs);
  }

  get databaseUrl(): string {
    return this.postgres.url;
  }

  get redisUrl(): string | null {
    return this.redis?.url ?? null;
  }

  async close(): Promise<void> {
    if (this.redis && this.redis.process.exitCode === null) {
      const exited = once(this.redis.process, 'exit');
      this.redis.process.kill();
      await exited;
    }
    await this.postgres.stop();
    if (!this.stays) await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** `null` if it is not installed. */
async function startRedis(directory: string): Promise<OwnRedis | null> {
  const port = await freePort();
  const args = [
    '--port',
    port,
    '--bind',
    '127.0.0.1',
    '--dir',
    directory,
    '--save',
    '',
    '--appendonly',
    'no',
  ];
  const child = spawn('redis-server', args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (output.length > 10_000) return;
      output += chunk.toString();
      if (output.includes('Ready to accept connections')) {
        resolve({ url: `redis://127.0.0.1:${port}`, process: child });
      }
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve(null);
      else reject(error);
    });
    child.once('exit', () => reject(new Error(`redis-server ended:\n${output}`)));
  });
}

/** The median of writes as Postgres' log does them. */
async function timeSync(file: string): Promise<number> {
  const handle = await open(file, 'w');
  const block = Buffer.alloc(8_192);
  const times: number[] = [];
  for (let write = 0; write < 30; write++) {
    const begunAt = performance.now();
    await handle.write(block, 0, block.length, 0);
    await handle.datasync();
    times.push(performance.now() - begunAt);
  }
  await handle.close();
  return times.sort((a, b) => a - b)[15] ?? NaN;
}
