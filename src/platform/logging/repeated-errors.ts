import { describeError } from './describe-error.js';

/** The same trouble is told again after this long. */
const QUIET_MS = 30_000;

/** Logs the errors of an emitter, but not thousands of the same while a server is away. */
export class RepeatedErrors {
  private last = '';
  private saidAt = 0;
  private untold = 0;

  constructor(private readonly logger: { warn(message: string): void }) {}

  readonly report = (error: unknown): void => {
    const message = describeError(error);
    const now = Date.now();
    if (message === this.last && now - this.saidAt < QUIET_MS) {
      this.untold++;
      return;
    }
    const more = this.untold > 0 ? ` (and ${this.untold} more before)` : '';
    this.last = message;
    this.saidAt = now;
    this.untold = 0;
    this.logger.warn(`${message}${more}`);
  };
}
