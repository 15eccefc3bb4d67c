import { LogUnavailableError } from '../../contract/errors.js';

/**
 * Limits concurrent calls; the others wait in order. When all clients ask at once (after a reset each reads
 * its first page again), they wait here and not in
 * the connection pool, where the appends would queue behind them.
 */
export class ConcurrencyLimiter {
  /** A Set keeps the order and removes its first element at no cost; an array's shift() moves a whole long list. */
  private readonly waiting = new Set<() => void>();
  private inside = 0;

  constructor(
    private readonly most: number,
    private readonly patienceMs: number,
  ) {}

  /**
   * Runs the call when it is its turn.
   *
   * @throws {LogUnavailableError} if the wait exceeds the patience: behind a hanging database the queue would
   * only grow, with calls whose clients have
   * given up long ago.
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    const since = performance.now();
    // A call that ends passes its place directly to the first in line, so that no newcomer can slip in
    // between.
    if (this.inside < this.most) this.inside += 1;
    else await new Promise<void>((resolve) => this.waiting.add(resolve));
    try {
      if (performance.now() - since > this.patienceMs)
        throw new LogUnavailableError(
          `The database is busy: the call waited longer than ${this.patienceMs} ms.`,
        );
      return await call();
    } finally {
      const [next] = this.waiting;
      if (next) {
        this.waiting.delete(next);
        next();
      } else this.inside -= 1;
    }
  }
}
