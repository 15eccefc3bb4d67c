import { Logger } from '@nestjs/common';
import { TidingsError } from '../contract/errors.js';
import { settlesWithin } from '../platform/time/with-timeout.js';

/** The longest time from the signal to the end of the process. */
export const SHUTDOWN_LIMIT_MS = 5_000;
/** The time limit of a single part, so that the remaining parts still get their turn. */
const STOP_LIMIT_MS = 4_200;
/** How long a running start may continue after a signal before everything it started is stopped. */
const START_GRACE_MS = 1_000;
/**
 * `npm start` forwards Ctrl-C to its child, which already has it from the terminal: one key press arrives as
 * two signals. Only a later signal counts as a second key press.
 */
const SAME_KEY_PRESS_MS = 500;

/** The lifecycle, as seen by the start. */
export interface Life {
  /** Registers a part to be stopped at the end, before all parts registered earlier. */
  onStop(name: string, stop: () => Promise<unknown>): void;
  /** Whether the shutdown has begun; the start then goes no further. */
  readonly ending: boolean;
}

interface Part {
  readonly name: string;
  readonly stop: () => Promise<unknown>;
}

/** The parts of `process` that the lifecycle uses. */
export type Host = Pick<NodeJS.Process, 'on'> & { exit(code: number): void };

/**
 * The life of the process:
 *
 *     starting --started--> running
 *     starting --failed--> ending (1)
 *     starting, running --SIGINT, SIGTERM--> ending (0)
 *     starting, running --uncaught error--> ending (1)
 *     ending --everything stopped--> exit with its code
 *     ending --second signal, or 5 s--> exit 1 at once
 *
 * Parts are stopped in the reverse order of their start, each once. A part that fails to stop or takes too long is logged, makes the code 1
 * and does not keep the others from stopping.
 */
export class Lifecycle implements Life {
  private readonly logger = new Logger('Service');
  private readonly parts: Part[] = [];
  private started: Promise<unknown> = Promise.resolve();
  private endingSince: number | null = null;
  private exitCode = 0;

  constructor(private readonly host: Host = process) {}

  get ending(): boolean {
    return this.endingSince !== null;
  }

  onStop(name: string, stop: () => Promise<unknown>): void {
    this.parts.push({ name, stop });
  }

  /** Starts the service. Never rejects: a failed start is reported and ends the process. */
  async run(start: (life: Life) => Promise<void>): Promise<void> {
    const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];
    // A closed terminal would leave an embedded Postgres behind. Without a terminal the signal keeps its
    // meaning: `nohup` ignores it.
    if (process.stdout.isTTY) signals.push('SIGHUP');
    for (const signal of signals) this.host.on(signal, () => this.onSignal(signal));
    // The reader of our output may close it (`npm start | head`); that is no reason to stop.
    for (const output of [process.stdout, process.stderr]) output.on('error', () => {});
    this.host.on('uncaughtException', (error) => this.onUncaught('Uncaught exception', error));
    this.host.on('unhandledRejection', (error) => this.onUncaught('Unhandled rejection', error));
    this.started = start(this);
    try {
      await this.started;
    } catch (error) {
      // An error during the shutdown does not matter.
      if (this.ending) return;
      reportStartError(error);
      await this.end(1);
    }
  }

  private onSignal(signal: string): void {
    if (this.endingSince === null) {
      this.logger.log(`${signal}: shutting down (send it again to exit at once)`);
      void this.end(0);
    } else if (performance.now() - this.endingSince > SAME_KEY_PRESS_MS) {
      this.giveUp(`${signal} again: exiting at once`);
    }
  }

  private onUncaught(what: string, error: unknown): void {
    // The state of the process is unknown now: it exits, and its supervisor restarts it.
    this.logger.fatal(`${what}: ${error instanceof Error ? error.message : String(error)}`, stackOf(error));
    void this.end(1);
  }

  private async end(exitCode: number): Promise<void> {
    this.exitCode ||= exitCode;
    if (this.endingSince !== null) return;
    this.endingSince = performance.now();
    const limit = setTimeout(
      () => this.giveUp(`Shutting down took longer than ${SHUTDOWN_LIMIT_MS} ms; exiting`),
      SHUTDOWN_LIMIT_MS,
    );
    await settlesWithin(START_GRACE_MS, this.started);
    for (let part = this.parts.pop(); part !== undefined; part = this.parts.pop()) await this.stop(part);
    clearTimeout(limit);
    if (this.exitCode === 0) this.logger.log('Stopped');
    this.host.exit(this.exitCode);
  }

  private async stop(part: Part): Promise<void> {
    if (await settlesWithin(STOP_LIMIT_MS, this.stopOrReport(part))) return;
    this.logger.error(`${part.name} did not stop within ${STOP_LIMIT_MS} ms`);
    this.exitCode = 1;
  }

  private async stopOrReport({ name, stop }: Part): Promise<void> {
    try {
      await stop();
    } catch (error) {
      this.logger.error(`${name} did not stop: ${String(error)}`, stackOf(error));
      this.exitCode = 1;
    }
  }

  private giveUp(message: string): void {
    this.logger.error(message);
    this.host.exit(1);
  }
}

/** A mistake of the operator or an outage needs only a message; a bug needs its stack. */
function reportStartError(error: unknown): void {
  const expected =
    error instanceof TidingsError ||
    (error instanceof Error && 'code' in error && typeof error.code === 'string');
  const text = expected ? (error as Error).message : (stackOf(error) ?? String(error));
  process.stderr.write(`Tidings cannot start. ${text}\n`);
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : undefined;
}
