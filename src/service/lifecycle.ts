import { Logger } from '@nestjs/common';
import { TidingsError } from '../contract/errors.js';
import { settlesWithin } from '../platform/time/with-timeout.js';

/** From the signal to the end of the process. */
export const SHUTDOWN_LIMIT_MS = 5_000;
/** What one part may take of it, so that the parts behind it still get their turn. */
const STOP_LIMIT_MS = 4_200;
/** How long a start that is under way may go on after a signal before what it began is stopped all the same. */
const START_GRACE_MS = 1_000;
/**
 * `npm start` hands Ctrl-C on to its child, which has it from the terminal already: one key press comes as two signals. A second
 * press is what comes later than this.
 */
const SAME_KEY_PRESS_MS = 500;

/** What a start may do with the life of its process. */
export interface Life {
  /** Has this stopped at the end, before everything that was begun earlier. */
  onStop(name: string, stop: () => Promise<unknown>): void;
  /** Whether the end has begun: a start then goes no further. */
  readonly ending: boolean;
}

interface Part {
  readonly name: string;
  readonly stop: () => Promise<unknown>;
}

/** The parts of `process` that a life is bound to. */
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
 * Parts are stopped in the reverse order of their start, each once. A part that fails to stop or takes too long is left behind
 * with a line, makes the code 1 and does not keep the others from stopping.
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

  /** Begins the life. Never rejects: a start that fails is reported and ends the process. */
  async run(start: (life: Life) => Promise<void>): Promise<void> {
    const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];
    // A closed terminal would leave an embedded Postgres behind. Without a terminal the signal keeps its meaning: `nohup` ignores it.
    if (process.stdout.isTTY) signals.push('SIGHUP');
    for (const signal of signals) this.host.on(signal, () => this.onSignal(signal));
    // Whoever read our output may go away (`npm start | head`); that is no reason to end.
    for (const output of [process.stdout, process.stderr]) output.on('error', () => {});
    this.host.on('uncaughtException', (error) => this.onUncaught('Uncaught exception', error));
    this.host.on('unhandledRejection', (error) => this.onUncaught('Unhandled rejection', error));
    this.started = start(this);
    try {
      await this.started;
    } catch (error) {
      // What a start says once it is being stopped is of no interest.
      if (this.ending) return;
      reportStartError(error);
      await this.end(1);
    }
  }

  private onSignal(signal: string): void {
    if (this.endingSince === null) {
      this.logger.log(`${signal}: stopping (again to stop at once)`);
      void this.end(0);
    } else if (performance.now() - this.endingSince > SAME_KEY_PRESS_MS) {
      this.giveUp(`${signal} again: stopped at once`);
    }
  }

  private onUncaught(what: string, error: unknown): void {
    // The state of the process is unknown from here on: it ends, and whoever runs it starts it anew.
    this.logger.fatal(`${what}: ${error instanceof Error ? error.message : String(error)}`, stackOf(error));
    void this.end(1);
  }

  private async end(exitCode: number): Promise<void> {
    this.exitCode ||= exitCode;
    if (this.endingSince !== null) return;
    this.endingSince = performance.now();
    const limit = setTimeout(
      () => this.giveUp(`not stopped within ${SHUTDOWN_LIMIT_MS} ms: ended all the same`),
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

/** A mistake of the operator or an outage is told in words; only a fault of the program needs its stack. */
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
