import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { Metrics } from '../../contract/ports/metrics.js';
import type { ResolvedOptions } from '../../contract/options/options.js';
import { RESOLVED_OPTIONS } from '../../contract/tokens.js';
import type { Problem } from './problem.js';

/** Refusals of a credential: somebody may be guessing keys or trying tokens. */
const OF_CREDENTIALS: readonly string[] = ['unauthenticated', 'forbidden', 'origin-not-allowed'];
const EVERY_MS = 60_000;

/**
 * Counts refused requests, and logs those with a refused credential, in sum: anybody can cause them, and as many as they like.
 *
 *     quiet --a credential is refused--> counting --a minute, or the shutdown--> logged, quiet
 */
@Injectable()
export class Refusals implements OnApplicationShutdown {
  readonly #logger = new Logger('TidingsHttp');
  readonly #metrics: Metrics;
  readonly #credentials = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  constructor(@Inject(RESOLVED_OPTIONS) { metrics }: ResolvedOptions) {
    this.#metrics = metrics;
  }

  count({ code, status }: Problem): void {
    if (status >= 500) return;
    this.#metrics.httpRefused(code);
    if (!OF_CREDENTIALS.includes(code)) return;
    this.#credentials.set(code, (this.#credentials.get(code) ?? 0) + 1);
    this.#timer ??= setTimeout(() => this.#log(), EVERY_MS).unref();
  }

  onApplicationShutdown(): void {
    if (this.#timer) this.#log();
  }

  #log(): void {
    clearTimeout(this.#timer ?? undefined);
    this.#timer = null;
    const parts = [...this.#credentials].map(([code, count]) => `${count} ${code}`);
    this.#credentials.clear();
    this.#logger.warn(`Requests refused for their credentials within a minute: ${parts.join(', ')}`);
  }
}
