/** Listeners by name. What one of them throws is reported as any uncaught error is, and keeps nothing from the others. */
export class Emitter {
  readonly #listeners = new Map<string, Set<(event: never) => void>>();

  /** @returns how to stop. The same listener may be added twice. */
  on(name: string, listener: (event: never) => void): () => void {
    const own = (event: never): void => listener(event);
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(own));
    return () => void listeners.delete(own);
  }

  emit(name: string, event?: unknown): void {
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      try {
        listener(event as never);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
