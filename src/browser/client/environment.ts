export const NOTHING = (): void => {};

/** Whether the page is in a hidden tab. */
export function isHidden(): boolean {
  return !!globalThis.document?.hidden;
}

/** Listens to an event of the window, which `visibilitychange` bubbles up to, until the signal aborts. Without a window it does nothing. */
export function listen(name: string, listener: () => void, signal: AbortSignal): void {
  globalThis.addEventListener?.(name, listener, { signal });
}
