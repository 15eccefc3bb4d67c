import type { Logger } from '@nestjs/common';

/** Says once that something is away, and once that it is back, however often it is tried meanwhile. */
export class Outage {
  private since: number | null = null;

  constructor(
    private readonly logger: Logger,
    /** The subject of both sentences, such as "The check of heads". */
    private readonly what: string,
  ) {}

  get lasts(): boolean {
    return this.since !== null;
  }

  begin(problem: unknown): void {
    if (this.since !== null) return;
    this.since = Date.now();
    this.logger.warn(`${this.what} is away: ${reason(problem)}`);
  }

  end(): void {
    if (this.since === null) return;
    this.logger.log(`${this.what} is back after ${Math.round((Date.now() - this.since) / 1000)} s`);
    this.since = null;
  }
}

/** Node's AggregateError, of a name with several addresses, has an empty message but a code. */
export function reason(problem: unknown): string {
  if (!(problem instanceof Error)) return String(problem);
  const { code } = problem as NodeJS.ErrnoException;
  return problem.message || code || problem.name;
}
