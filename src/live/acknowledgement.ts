/** The bus did not say in time that messages of a feed will come; the caller may try again, or go without for now. */
export class NotAcknowledgedError extends Error {
  override readonly name = 'NotAcknowledgedError';
}

/**
 * Something that several callers wait for, each for its own time, and that may be settled and awaited again: the
 * acknowledgement of a subscription, which a lost connection takes back.
 */
export class Acknowledgement {
  private waiters: { resolve: () => void; reject: (error: Error) => void }[] = [];

  /**
   * @throws {NotAcknowledgedError} when it is not settled within `timeoutMs`.
   */
  async wait(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const waiter = { resolve, reject };
        this.waiters.push(waiter);
        timer = setTimeout(() => {
          this.waiters = this.waiters.filter((other) => other !== waiter);
          reject(new NotAcknowledgedError(`The live bus did not acknowledge within ${timeoutMs} ms`));
        }, timeoutMs).unref();
      });
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets all who wait now go on, with an error if there is one. */
  settle(error?: Error): void {
    const { waiters } = this;
    this.waiters = [];
    for (const { resolve, reject } of waiters) {
      if (error) reject(error);
      else resolve();
    }
  }
}
