import type { Logger } from '@nestjs/common';
import { outsideOfCalls } from '../call-context.js';
import { describeError } from './describe-error.js';

/** Logs an outage once at its beginning and once at its end, however many attempts fail meanwhile, and whichever request meets it first. */
export class Outage {
  private since: number | null = null;

  constructor(
    private readonly logger: Logger,
    /** The subject of both sentences, such as "The head check". */
    private readonly subject: string,
  ) {}

  get lasts(): boolean {
    return this.since !== null;
  }

  begin(problem: unknown): void {
    if (this.since !== null) return;
    this.since = performance.now();
    outsideOfCalls(() => this.logger.warn(`${this.subject} fails: ${describeError(problem)}`));
  }

  end(): void {
    if (this.since === null) return;
    const seconds = Math.round((performance.now() - this.since) / 1000);
    this.since = null;
    outsideOfCalls(() => this.logger.log(`${this.subject} works again after ${seconds} s`));
  }
}
