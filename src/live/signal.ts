import type { Logger } from '@nestjs/common';
import { describeError } from '../platform/logging/describe-error.js';
import type { Unsubscribe } from '../contract/ports/live.js';

/** An event with listeners; a listener that throws does not keep it from the others. */
export class Signal {
  private readonly listeners = new Set<() => void>();

  constructor(private readonly logger: Logger) {}

  on(listener: () => void): Unsubscribe {
    // A new function for each call, so that the same listener can be added twice and removed once.
    const own = (): void => listener();
    this.listeners.add(own);
    return () => this.listeners.delete(own);
  }

  fire(): void {
    for (const listener of this.listeners) {
      try {
        listener();
      } catch (error) {
        this.logger.error(`A listener of the live bus failed: ${describeError(error)}`);
      }
    }
  }

  clear(): void {
    this.listeners.clear();
  }
}
