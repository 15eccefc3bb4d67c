import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { findTool } from './find-tool.js';
import { freePort } from './ports.js';
import { testDirectory } from './test-root.js';

/** Whether private Redis servers can be started here. */
export function hasRedis(): boolean {
  return findTool('redis-server') !== null;
}

/** What a private Redis may be told. */
export interface RedisOptions {
  /** Keep every write on disk, so that it outlives {@link RedisServer.kill}. Default `false`: nothing is kept. */
  appendonly?: boolean;
  /** Default: a free one. */
  port?: number;
}

/** Starts a private Redis; stop it at the end of the test. */
export async function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  const server = new RedisServer(options.port ?? (await freePort()), options.appendonly ?? false);
  await server.start();
  return server;
}

/** A Redis of its own, for tests that stop, kill, freeze or empty it. Restarts have the same port and directory. */
export class RedisServer {
  private readonly directory = testDirectory('redis');
  private child: ChildProcess | null = null;
  private exited: Promise<unknown> = Promise.resolve();

  constructor(
    readonly port: number,
    private readonly appendonly: boolean,
    /** Settings of redis.conf besides. */
    private readonly more: Readonly<Record<string, string>> = {},
  ) {}

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it (again); resolves when it answers. */
  async start(): Promise<void> {
    const program = findTool('redis-server');
    if (program === null) throw new Error('redis-server is not installed: guard the suite with hasRedis().');
    const settings = {
      port: this.port,
      bind: '127.0.0.1',
      dir: this.directory,
      pidfile: join(this.directory, PIDFILE),
      appendonly: this.appendonly ? 'yes' : 'no',
      // Written before each answer all the same: the tests kill processes, they do not cut the power.
      appendfsync: 'no',
      daemonize: 'no',
      ...this.more,
    };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const child = spawn(program, [...args, '--save', ''], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    this.exited = once(child, 'exit');
    await new Promise<void>((resolve, reject) => {
      let output = '';
      const collect = (chunk: Buffer): void => {
        output = (output + chunk.toString()).slice(-4_000);
        // Not an answer to PING: another server on this port would give one, too.
        if (output.includes('Ready to accept connections')) resolve();
      };
      child.stdout.on('data', collect);
      child.stderr.on('data', collect);
      child.once('error', reject);
      child.once('close', () => reject(new Error(`Redis did not start on port ${this.port}:\n${output}`)));
    });
  }

  /** Ends it in an orderly way. May be called again. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  /** Ends it as a crash does. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** Freezes it: connections stay open, nothing is answered. */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  /** Empties every database, as an operator does by mistake. */
  async flushAll(): Promise<void> {
    const answer = await this.command('FLUSHALL');
    if (answer !== '+OK') throw new Error(`FLUSHALL: ${answer}`);
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (child === null) return;
    this.child = null;
    child.kill(signal);
    child.kill('SIGCONT'); // a frozen one would not hear SIGTERM
    await this.exited;
  }

  /** One inline command and the first line of its answer. */
  private command(line: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write(`${line}\r\n`));
      let answer = '';
      socket.setTimeout(2_000, () => socket.destroy(new Error(`${line}: no answer`)));
      socket.on('data', (chunk) => {
        answer += chunk.toString();
        if (answer.includes('\r\n')) socket.destroy();
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(answer.split('\r\n')[0] ?? ''));
    });
  }
}

const PIDFILE = 'redis.pid';

/** Ends the servers below the test root that a crashed test left behind. */
export async function stopAllRedis(root: string): Promise<void> {
  for (const name of await readdir(root)) {
    const pid = Number(await readFile(join(root, name, PIDFILE), 'utf8').catch(() => ''));
    if (!pid) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes('redis-server')) process.kill(pid, 'SIGKILL');
  }
}
