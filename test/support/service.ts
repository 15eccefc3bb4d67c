import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.js';
import { exclusively } from './postgres.js';
import { testDirectory } from './test-root.js';

const PACKAGE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Below `node_modules`, where what is built finds its packages and nobody looks at it. */
const CACHE = join(PACKAGE, 'node_modules', '.cache', 'tidings');
const KEEP_UNUSED_MS = 3_600_000;

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
  async says(pattern: RegExp, timeoutMs = 60_000): Promise<void> {
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
  const main = await buildService();
  const child = spawn(process.execPath, [main], {
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

let built: Promise<string> | null = null;

/**
 * Builds the package as `npm run build` does, but for this source alone and beside `dist`, so that runs that test another state of it
 * do not take it away from each other. For `beforeAll`, with time; resolves with the path of `main.js`.
 */
export function buildService(): Promise<string> {
  return (built ??= build());
}

async function build(): Promise<string> {
  const home = join(CACHE, hashOfSource());
  const main = join(home, 'dist', 'main.js');
  // Suites run in several processes, of which one builds.
  if (!existsSync(main)) {
    await exclusively('build', () => {
      if (!existsSync(main)) buildInto(home);
    });
  }
  const now = new Date();
  utimesSync(home, now, now);
  for (const name of readdirSync(CACHE)) {
    const other = join(CACHE, name);
    const usedAt = statSync(other, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
    if (now.getTime() - usedAt > KEEP_UNUSED_MS) rmSync(other, { recursive: true, force: true });
  }
  return main;
}

/** It has its name when it is complete; another run may have been first. */
function buildInto(home: string): void {
  const staging = `${home}.${process.pid}`;
  mkdirSync(staging, { recursive: true });
  const here = (path: string): string => join(PACKAGE, path);
  // The sources are checked elsewhere; this is about what they do.
  const compilerOptions = { rootDir: here('src'), outDir: './dist', noCheck: true, declaration: false };
  const config = { extends: here('tsconfig.build.json'), compilerOptions, include: [here('src')] };
  writeFileSync(join(staging, 'tsconfig.json'), JSON.stringify(config));
  copyFileSync(here('package.json'), join(staging, 'package.json'));
  mkdirSync(join(staging, 'docs'));
  copyFileSync(here('docs/openapi.yaml'), join(staging, 'docs/openapi.yaml'));
  if (['dist/main.js', 'dist/browser/element/index.js'].every((output) => isFresh(here(output)))) {
    // Built a moment ago, by CI or by a contributor: the same files.
    cpSync(here('dist'), join(staging, 'dist'), { recursive: true });
    publishBuild(staging, home);
    return;
  }
  const nest = here('node_modules/@nestjs/cli/bin/nest.js');
  const args = [nest, 'build', '-p', relative(PACKAGE, join(staging, 'tsconfig.json'))];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: PACKAGE, encoding: 'utf8' });
  if (status !== 0) throw new Error(`nest build failed:\n${stdout}${stderr}`);
  const bundles = spawnSync(process.execPath, [here('scripts/build-browser.js'), join(staging, 'dist')], {
    encoding: 'utf8',
  });
  if (bundles.status !== 0) throw new Error(`The bundles failed:\n${bundles.stdout}${bundles.stderr}`);
  publishBuild(staging, home);
}

function publishBuild(staging: string, home: string): void {
  try {
    renameSync(staging, home);
  } catch (error) {
    rmSync(staging, { recursive: true });
    if (!existsSync(home)) throw error;
  }
}

/** Whether a file is newer than everything it is built from. */
function isFresh(output: string): boolean {
  const builtAt = statSync(output, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;
  return sources().every((file) => statSync(file).mtimeMs < builtAt);
}

/** Everything that a build depends on, sorted. */
function sources(): string[] {
  const files = readdirSync(join(PACKAGE, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const configs = [
    'package.json',
    'nest-cli.json',
    'tsconfig.json',
    'tsconfig.build.json',
    'scripts/build-browser.js',
    'docs/openapi.yaml',
  ];
  return [...files, ...configs.map((name) => join(PACKAGE, name))].sort();
}

function hashOfSource(): string {
  const hash = createHash('sha256');
  for (const file of sources()) hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  return hash.digest('hex').slice(0, 16);
}
