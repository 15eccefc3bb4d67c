import { withTimeout } from '../platform/time/with-timeout.js';

/** The bus did not acknowledge a subscription in time; the caller may try again, or go without for now. */
export class NotAcknowledgedError extends Error {
  override readonly name = 'NotAcknowledgedError';
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * The acknowledgement of a subscription. Several callers may wait for it, each with its own timeout, and it can be
 * awaited again after it is settled, since a lost connection revokes it.
 */
export class Acknowledgement {
  private waiters: Waiter[] = [];

  /**
   * @throws {NotAcknowledgedError} when it is not settled within `timeoutMs`.
   */
  async wait(timeoutMs: number): Promise<void> {
    let waiter: Waiter | undefined;
    const settled = new Promise<void>((resolve, reject) => {
      waiter = { resolve, reject };
      this.waiters.push(waiter);
    });
    const late = (): Error =>
      new NotAcknowledgedError(`The live bus did not acknowledge within ${timeoutMs} ms`);
    try {
      await withTimeout(timeoutMs, settled, late);
    } finally {
      this.waiters = this.waiters.filter((other) => other !== waiter);
    }
  }

  /** Resolves all waits of this moment, or rejects them with the error. */
  settle(error?: Error): void {
    const { waiters } = this;
    this.waiters = [];
    for (const { resolve, reject } of waiters) {
      if (error) reject(error);
      else resolve();
    }
  }
}
