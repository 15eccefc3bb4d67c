/** Listeners by name. An error that a listener throws is reported as uncaught, and does not keep the event from the others. */
export interface Emitter {
  /** @returns how to stop. The same listener may be added twice. */
  on(name: string, listener: (event: never) => void): () => void;
  emit(name: string, event?: unknown): void;
}

export function createEmitter(): Emitter {
  const target = new EventTarget();
  return {
    on(name, listener) {
      const own = (event: Event): void => listener((event as CustomEvent<never>).detail);
      target.addEventListener(name, own);
      return () => target.removeEventListener(name, own);
    },
    emit: (name, detail) => target.dispatchEvent(new CustomEvent(name, { detail })),
  };
}
