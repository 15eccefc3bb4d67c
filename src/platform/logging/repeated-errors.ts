import { describeError } from './describe-error.js';

/** The same error is logged again after this time. */
const QUIET_MS = 30_000;

/** Logs the errors of an emitter, but not thousands of the same while a server is unavailable. */
export class RepeatedErrors {
  private last = '';
  private loggedAt = -Infinity;
  private suppressed = 0;

  constructor(private readonly logger: { warn(message: string): void }) {}

  readonly report = (error: unknown): void => {
    const message = describeError(error);
    const now = performance.now();
    if (message === this.last && now - this.loggedAt < QUIET_MS) {
      this.suppressed++;
      return;
    }
    const more = this.suppressed > 0 ? ` (and ${this.suppressed} more before)` : '';
    this.last = message;
    this.loggedAt = now;
    this.suppressed = 0;
    this.logger.warn(`${message}${more}`);
  };
}
