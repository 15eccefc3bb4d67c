import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { ServiceProcess } from '../../support/service.js';
import { testDirectory } from '../../support/test-root.js';
import type { Timeline } from './timeline.js';

const SCRIPT = fileURLToPath(new URL('service.js', import.meta.url));
const LISTENS = /listens on http/;
/** A busy machine takes many times as long as an idle one; and while Postgres is away, a start waits for it. */
const START_MS = 240_000;
const RESTART_AFTER_MS = 200;
const PAGE_BYTES = 4_096;

/**
 * One process of the service, with whoever starts it again when it ends (in production an orchestrator):
 *
 *     stopped --start()--> starting --listens--> up --ended, by order or by itself--> starting
 *                          starting --ended: Postgres was away for too long--> starting
 *       any state --stop()--> stopped
 */
export class ManagedService {
  /** Processes that ended although nobody had asked them to, with their last words. */
  readonly crashes: string[] = [];
  /** How many processes there were, minus one. */
  restarts = -1;
  private process: ServiceProcess | null = null;
  private ordered = false;
  private stopped = true;
  private up: Promise<void> = Promise.resolve();
  private readonly directory: string;

  constructor(
    readonly name: string,
    readonly role: 'api' | 'worker',
    /** Of `dist/main.js`. */
    private readonly main: string,
    private readonly env: Readonly<Record<string, string>>,
    private readonly timeline: Timeline,
  ) {
    this.directory = testDirectory(name);
  }

  /**
   * Resolves when it listens.
   *
   * @throws with the output of the process if it ends before: nothing is broken yet, so another one would end the same way.
   */
  async start(): Promise<void> {
    this.stopped = false;
    try {
      await this.spawn().says(LISTENS, START_MS);
    } catch (error) {
      this.stopped = true;
      throw new Error(`${this.name} does not start: ${(error as Error).message}`, { cause: error });
    }
  }

  /** Resolves when a process listens, this one or one that came after it. */
  async isUp(): Promise<void> {
    for (let awaited: Promise<void> | null = null; awaited !== this.up;) {
      awaited = this.up;
      await awaited;
    }
  }

  /** Sends a signal that ends the process; it is started again. Resolves when its successor listens. */
  async restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const { process } = this;
    if (process === null) return this.isUp();
    this.ordered = true;
    process.signal(signal);
    await process.exited;
    await this.isUp();
  }

  /** Stops the process where it is; the way back is returned. */
  freeze(): () => void {
    const { process } = this;
    process?.child.kill('SIGSTOP');
    return () => process?.child.kill('SIGCONT');
  }

  /** Sets its clock; 0 is the true time. A process that is started later has the true time. */
  setClock(clockMs: number): void {
    if (this.process?.child.connected) this.process.child.send({ clockMs }, () => {});
  }

  /** Bytes in memory; `null` if it does not run or this is not Linux. */
  async residentBytes(): Promise<number | null> {
    const statm = await readFile(`/proc/${this.process?.child.pid}/statm`, 'latin1').catch(() => null);
    return statm === null ? null : Number(statm.split(' ')[1]) * PAGE_BYTES;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.process === null) return;
    this.process.child.kill('SIGCONT');
    await Promise.race([this.process.stop('SIGTERM'), delay(8_000, undefined, { ref: false })]);
    await this.process?.stop('SIGKILL');
  }

  private spawn(): ServiceProcess {
    this.restarts += 1;
    this.ordered = false;
    const child = spawn(process.execPath, [SCRIPT, dirname(this.main)], {
      cwd: this.directory,
      env: { PATH: process.env['PATH'], TIDINGS_DATA_DIR: this.directory, ...this.env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const started = new ServiceProcess(child, this.directory);
    this.process = started;
    let listens = false;
    this.up = started.says(LISTENS, START_MS).then(
      () => {
        listens = true;
        this.timeline.add(`${this.name} is up`);
      },
      () => {}, // the next process is waited for
    );
    void started.exited.then(({ code, signal }) => this.ended(started, listens, signal ?? `code ${code}`));
    return started;
  }

  private ended(ended: ServiceProcess, listened: boolean, how: string): void {
    this.timeline.add(`${this.name} ended (${how})`);
    this.process = null;
    if (this.stopped) return;
    // One that found no Postgres at its start gives up after half a minute, as it should: its orchestrator comes next.
    if (listened && !this.ordered) {
      this.crashes.push(
        `${this.name} ended by itself (${how}):\n${(ended.stdout + ended.stderr).slice(-3_000)}`,
      );
    }
    this.up = delay(RESTART_AFTER_MS).then(() => {
      if (!this.stopped) this.spawn();
    });
  }
}
