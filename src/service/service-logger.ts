import { ConsoleLogger } from '@nestjs/common';
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

/** Text lines on a terminal, otherwise JSON. */
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
