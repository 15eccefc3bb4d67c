import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const PROBE = fileURLToPath(new URL('servers/probe.mjs', import.meta.url));

/** How a process of the benchmark is started. */
export interface ChildOptions {
  readonly name: string;
  /** Relative to the package: `dist/main.js`, or TypeScript, which tsx runs. */
  readonly script: string;
  readonly env?: Record<string, string>;
  /** Modules that come first, relative to the package. */
  readonly preloads?: readonly string[];
  /** What it prints when it is there. */
  readonly ready: RegExp;
}

/** A process of its own with a channel to ask it things, see rpc.ts. */
export class Child {
  /** The last of what it printed. */
  output = '';

  private constructor(
    readonly name: string,
    readonly process: ChildProcess,
  ) {}

  /** Resolves when it is ready. @throws with its output if it ends before. */
  static async start({ name, script, env = {}, preloads = [], ready }: ChildOptions): Promise<Child> {
    const loader = script.endsWith('.ts') ? ['--import', 'tsx'] : [];
    const before = preloads.flatMap((path) => ['--import', `./${path}`]);
    const args = ['--expose-gc', '--import', PROBE, ...before, ...loader, script];
    const child = spawn(process.execPath, args, {
      cwd: PACKAGE,
      env: { PATH: process.env['PATH'], NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const started = new Child(name, child);
    await new Promise<void>((resolve, reject) => {
      const collect = (chunk: Buffer): void => {
        started.output = (started.output + chunk.toString()).slice(-4_000);
        if (ready.test(started.output)) resolve();
      };
      child.stdout?.on('data', collect);
      child.stderr?.on('data', collect);
      child.once('error', reject);
      child.once('close', () => reject(new Error(`${name} ended:\n${started.output}`)));
    });
    return started;
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  async stop(): Promise<void> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    // Baselines do not end with streams open.
    const impatient = setTimeout(() => this.process.kill('SIGKILL'), 6_000);
    await exited;
    clearTimeout(impatient);
  }
}
