import type { LoggerService, LogLevel } from '@nestjs/common';
import { multistream, pino, stdTimeFunctions, type Level, type Logger } from 'pino';
import { currentCall } from '../platform/call-context.js';

/** Nest's levels under their usual names. */
const LEVELS: Readonly<Record<LogLevel, Level>> = {
  verbose: 'trace',
  debug: 'debug',
  log: 'info',
  warn: 'warn',
  error: 'error',
  fatal: 'fatal',
};

/** Where lines go. */
export interface LogOutputs {
  readonly out: { write(line: string): void };
  /** Lines from `error` on. */
  readonly problems: { write(line: string): void };
}

/**
 * One JSON object a line:
 *
 *     {"level":"info","time":"2026-11-30T12:00:00.000Z","pid":1,"context":"Service","requestId":"...","message":"..."}
 *
 * A line that a request or its job has caused has the `requestId`, an error its `stack`.
 */
export class JsonLogger implements LoggerService {
  readonly #pino: Logger;

  constructor(
    level: LogLevel,
    { out, problems }: LogOutputs = { out: process.stdout, problems: process.stderr },
  ) {
    this.#pino = pino(
      {
        level: LEVELS[level],
        base: { pid: process.pid },
        messageKey: 'message',
        timestamp: stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        mixin: () => ({ ...currentCall() }),
      },
      // Through Node's streams, which write before the process exits, and report a reader that has left.
      multistream(
        [
          { level: 'trace', stream: out },
          { level: 'error', stream: problems },
        ],
        { dedupe: true },
      ),
    );
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#write('log', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('verbose', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  /** Nest passes further messages, then the stack of an error, then the context. */
  #write(level: LogLevel, message: unknown, rest: unknown[]): void {
    const given = rest.filter((one) => one !== undefined);
    const context = typeof given.at(-1) === 'string' ? { context: given.pop() as string } : {};
    const stack = isStack(given.at(-1)) ? { stack: given.pop() as string } : {};
    for (const one of [message, ...given]) {
      const error = one instanceof Error ? one : null;
      const fields = { ...context, ...stack, ...(error?.stack && { stack: error.stack }) };
      this.#pino[LEVELS[level]](fields, textOf(error ? error.message : one));
    }
  }
}

function isStack(value: unknown): value is string {
  return typeof value === 'string' && /\n\s+at /.test(value);
}

function textOf(message: unknown): string {
  if (typeof message === 'string') return message;
  // A value that JSON cannot hold must not end the process that logs it.
  try {
    return JSON.stringify(message) ?? String(message);
  } catch {
    return String(message);
  }
}
