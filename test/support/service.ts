import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './ports.js';
import { testDirectory, testRoot } from './test-root.js';

const PACKAGE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const MAIN = join(PACKAGE, 'dist', 'main.js');

/** How a process ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly tookMs: number;
}

/** The service as a process of its own, as `npm start` runs it. */
export class ServiceProcess {
  stdout = '';
  stderr = '';
  readonly exited: Promise<Exit>;
  private readonly listeners = new Set<() => void>();
  private signalledAt = performance.now();

  constructor(
    readonly child: ChildProcess,
    /** Of the embedded Postgres and the development credentials. */
    readonly dataDir: string,
  ) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      for (const listener of [...this.listeners]) listener();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exited = new Promise((resolve) => {
      // 'close' comes when the outputs are read to their end.
      child.once('close', (code, signal) => {
        resolve({ code, signal, tookMs: performance.now() - this.signalledAt });
      });
    });
  }

  /** Where it listens; there once it has said so. */
  get origin(): string {
    const origin = /listens on (http:\/\/[^\s"\\]+)/.exec(this.stdout)?.[1];
    if (origin === undefined) throw new Error(`It does not listen yet:\n${this.stdout}${this.stderr}`);
    return origin;
  }

  /** A command that was printed, with what stands around it left away. */
  command(beginning: string): string {
    const line = this.stdout.split('\n').find((text) => text.trim().startsWith(beginning));
    if (line === undefined) throw new Error(`No command ${JSON.stringify(beginning)} in:\n${this.stdout}`);
    return line.trim();
  }

  /** The development token that was printed. */
  get token(): string {
    return /Authorization: Bearer ([^']+)'/.exec(this.command('curl -N'))![1]!;
  }

  /** The development API key that was printed. */
  get apiKey(): string {
    return /X-API-Key: ([^']+)'/.exec(this.command('curl -X POST'))![1]!;
  }

  signal(signal: NodeJS.Signals): void {
    this.signalledAt = performance.now();
    this.child.kill(signal);
  }

  /** Sends a signal and waits for the end. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.signal(signal);
    return this.exited;
  }

  /** Resolves when the output has such a text; rejects when the process ends before. */
  async says(pattern: RegExp, timeoutMs = 30_000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const found = new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (pattern.test(this.stdout)) resolve();
      };
      const fail = (why: string): void =>
        reject(new Error(`${why} before it said ${pattern.source}:\n${this.stdout}${this.stderr}`));
      timer = setTimeout(() => fail(`${timeoutMs} ms passed`), timeoutMs);
      this.listeners.add(check);
      void this.exited.then(() => fail('The service ended'));
      check();
    });
    await found.finally(() => clearTimeout(timer));
  }
}

const running = new Set<ServiceProcess>();

/** Spawns the service with these variables and none of ours; says nothing about how that goes. */
export async function spawnService(env: Record<string, string> = {}): Promise<ServiceProcess> {
  const dataDir = env['TIDINGS_DATA_DIR'] ?? testDirectory('service');
  const child = spawn(process.execPath, [MAIN], {
    cwd: dataDir,
    env: {
      PATH: process.env['PATH'],
      PORT: String(await freePort()),
      TIDINGS_DATA_DIR: dataDir,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const service = new ServiceProcess(child, dataDir);
  running.add(service);
  void service.exited.then(() => running.delete(service));
  return service;
}

/** The same; resolves when it listens. */
export async function startService(env: Record<string, string> = {}): Promise<ServiceProcess> {
  const service = await spawnService(env);
  await service.says(/listens on http/);
  return service;
}

/** For `afterEach`: ends what a failed test left. An embedded Postgres ends with the run. */
export async function killServices(): Promise<void> {
  await Promise.all([...running].map((service) => service.stop('SIGKILL')));
}

/**
 * For `beforeAll`, with time: builds the package unless `dist` is newer than every source. Suites run in several processes, of
 * which one builds.
 */
export async function buildService(): Promise<void> {
  const lock = join(testRoot(), 'build.lock');
  while (isStale()) {
    try {
      mkdirSync(lock);
    } catch {
      await delay(100);
      continue;
    }
    try {
      const { status, stdout, stderr } = spawnSync('npm', ['run', 'build'], {
        cwd: PACKAGE,
        encoding: 'utf8',
      });
      if (status !== 0) throw new Error(`npm run build failed:\n${stdout}${stderr}`);
    } finally {
      rmdirSync(lock);
    }
  }
}

function isStale(): boolean {
  const built = statSync(MAIN, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const files = readdirSync(join(PACKAGE, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const configs = ['package.json', 'nest-cli.json', 'tsconfig.json', 'tsconfig.build.json'];
  return [...files, ...configs.map((file) => join(PACKAGE, file))].some(
    (file) => statSync(file).mtimeMs > built,
  );
}
