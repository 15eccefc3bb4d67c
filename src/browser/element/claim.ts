/** Another tab has received the same notification by then. */
const HELD_MS = 10_000;
/** The head start of the window that has the focus. */
const HEAD_START_MS = 150;

/**
 * Claims a notification for this tab, so that of several visible windows one shows it: the one with the focus, else the fastest.
 *
 * @returns whether no other tab has it. Without Web Locks, which need a secure context, every visible tab shows it.
 */
export async function claim(name: string): Promise<boolean> {
  if (!globalThis.navigator.locks) return true;
  if (!document.hasFocus()) await new Promise((resolve) => setTimeout(resolve, HEAD_START_MS));
  return new Promise((resolve) => {
    void navigator.locks
      .request(`tidings toast ${name}`, { ifAvailable: true }, async (lock) => {
        resolve(lock !== null);
        if (lock) await new Promise((release) => setTimeout(release, HELD_MS));
      })
      // A document of an opaque origin may not use locks.
      .catch(() => resolve(true));
  });
}
