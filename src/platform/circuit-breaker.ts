import { backoffMs } from './time/backoff.js';

/**
 * Rejects calls to a server that has just failed, so that callers do not wait for it.
 *
 *     closed --failed()--> open --after a backoff, to one caller--> half-open --succeeded()--> closed
 *                                                                   half-open --failed()--> open, for longer
 */
export class CircuitBreaker {
  private failures = 0;
  /** As `performance.now()`: a clock that is set back must not keep it open. */
  private openUntil = 0;
  private probing = false;

  /** Whether the caller may try. A caller that does reports the result. */
  allows(): boolean {
    if (this.failures === 0) return true;
    if (this.probing || performance.now() < this.openUntil) return false;
    this.probing = true;
    return true;
  }

  succeeded(): void {
    this.failures = 0;
    this.probing = false;
  }

  failed(): void {
    // Concurrent calls fail together: that is one failure.
    if (performance.now() >= this.openUntil) {
      this.failures += 1;
      this.openUntil = performance.now() + backoffMs(this.failures);
    }
    this.probing = false;
  }
}
