import type { Logger } from '@nestjs/common';
import { describeError } from '../platform/logging/describe-error.js';
import type { Unsubscribe } from '../contract/ports/live.js';

/** Something that happens and is told to whoever listens; one that fails does not keep it from the others. */
export class Signal {
  private readonly listeners = new Set<() => void>();

  constructor(private readonly logger: Logger) {}

  on(listener: () => void): Unsubscribe {
    // A function of its own for each call, so that one listener may be given twice and taken away once.
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
