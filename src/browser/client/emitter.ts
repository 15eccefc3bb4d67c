/** An event emitter. An error of a listener is reported as uncaught and does not affect the other listeners. */
export interface Emitter {
  /** The same listener can be added twice. @returns a function that removes it. */
  readonly on: (name: string, listener: (event: never) => void) => () => void;
  readonly emit: (name: string, event?: unknown) => void;
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
