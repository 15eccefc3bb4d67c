import { ConsoleLogger, type LoggerService } from '@nestjs/common';
import { JsonLogger, type LogOutputs } from './json-logger.js';
import type { Settings } from './settings/settings.js';
import { LOG_LEVELS } from './settings/service-schema.js';

/** Nest logs every route and module here; hidden by default. */
const WORDY = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);

/** Nest also throws errors of its start and shutdown, and the lifecycle reports them once. */
const REPORTED_ELSEWHERE = 'ExceptionHandler';

/** Where the lines go, and who reads them. */
export interface LogPlace {
  readonly terminal: boolean;
  /** For JSON. Default: the standard outputs. */
  readonly outputs?: LogOutputs;
}

/** Text lines on a terminal, JSON for programs, or what `LOG_FORMAT` says. */
export class ServiceLogger implements LoggerService {
  readonly #lines: LoggerService;
  readonly #wordy: boolean;

  constructor(
    { logLevel, logFormat }: Pick<Settings, 'logLevel' | 'logFormat'>,
    { terminal, outputs }: LogPlace,
  ) {
    const format = logFormat ?? (terminal ? 'pretty' : 'json');
    this.#lines =
      format === 'json'
        ? new JsonLogger(logLevel, outputs)
        : new ConsoleLogger({ logLevels: LOG_LEVELS.slice(LOG_LEVELS.indexOf(logLevel)), prefix: 'Tidings' });
    this.#wordy = LOG_LEVELS.indexOf(logLevel) < LOG_LEVELS.indexOf('log');
  }

  log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    if (!this.#wordy && typeof context === 'string' && WORDY.has(context)) return;
    this.#lines.log(message, ...rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    if (rest.at(-1) !== REPORTED_ELSEWHERE) this.#lines.error(message, ...rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#lines.warn(message, ...rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#lines.debug!(message, ...rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#lines.verbose!(message, ...rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#lines.fatal!(message, ...rest);
  }
}
