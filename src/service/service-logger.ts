import { ConsoleLogger } from '@nestjs/common';
import type { Settings } from './settings/settings.js';
import { LOG_LEVELS } from './settings/service-schema.js';

/** Nest tells here of every route and module; of interest only to someone who asked for more. */
const WORDY = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);

/** What fails while Nest builds or ends the application is thrown, too, and reported by the lifecycle, once. */
const REPORTED_ELSEWHERE = 'ExceptionHandler';

/** Lines for a person at a terminal, JSON for everyone else. */
export class ServiceLogger extends ConsoleLogger {
  private readonly wordy: boolean;

  constructor(settings: Pick<Settings, 'logLevel' | 'production'>, terminal: boolean) {
    super({
      logLevels: LOG_LEVELS.slice(LOG_LEVELS.indexOf(settings.logLevel)),
      json: settings.production || !terminal,
      prefix: 'Tidings',
    });
    this.wordy = LOG_LEVELS.indexOf(settings.logLevel) < LOG_LEVELS.indexOf('log');
  }

  override log(message: unknown, ...rest: unknown[]): void {
    const context = rest.at(-1);
    if (!this.wordy && typeof context === 'string' && WORDY.has(context)) return;
    super.log(message, ...rest);
  }

  override error(message: unknown, ...rest: unknown[]): void {
    if (rest.at(-1) !== REPORTED_ELSEWHERE) super.error(message, ...rest);
  }
}
