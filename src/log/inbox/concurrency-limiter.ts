import { LogUnavailableError } from '../../contract/errors.js';

/**
 * Lets a few calls run at a time and the others wait in turn. What all clients ask for at one moment (after a reset each reads its
 * first page again) waits here, and not in the connection pool, where the appends would have to wait behind it.
 */
export class ConcurrencyLimiter {
  /** A Set, as it keeps the order and gives up its first at no cost: shift() moves the whole of a long list. */
  private readonly waiting = new Set<() => void>();
  private inside = 0;

  constructor(
    private readonly most: number,
    private readonly patienceMs: number,
  ) {}

  /**
   * Calls when it is its turn.
   *
   * @throws {LogUnavailableError} if that took longer than the patience: behind a database that hangs, the queue would only grow, with
   * calls whose clients have long given up.
   */
  async run<T>(call: () => Promise<T>): Promise<T> {
    const since = performance.now();
    // Who leaves hands its place on to the first who waits: nobody who just came can slip in between.
    if (this.inside < this.most) this.inside += 1;
    else await new Promise<void>((resolve) => this.waiting.add(resolve));
    try {
      if (performance.now() - since > this.patienceMs)
        throw new LogUnavailableError(`The call has waited over ${this.patienceMs} ms for its turn.`);
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
