import type { Logger } from '@nestjs/common';

/** The same trouble is told again after this long. */
const QUIET_MS = 30_000;

/** Logs the errors of an emitter, but not thousands of the same while a server is away. */
export class RepeatedErrors {
  private last = '';
  private saidAt = 0;
  private untold = 0;

  constructor(private readonly logger: Pick<Logger, 'warn'>) {}

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

/** Node's AggregateError, of a name with several addresses, has an empty message but a code. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message || code || error.name;
}
