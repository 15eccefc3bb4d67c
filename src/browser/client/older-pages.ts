import { handled } from './handled.js';
import type { Receiver } from './receiver.js';
import type { Page } from './store.js';

/** The pages after the first one. */
export interface OlderPages {
  readonly isLoading: boolean;
  /** Loads the next one. Concurrent calls share one request. */
  readonly loadMore: () => Promise<void>;
}

export function createOlderPages(
  receiver: Receiver,
  request: (before: string) => Promise<Page>,
  changed: () => void,
  fail: (error: unknown) => never,
): OlderPages {
  let loading: Promise<void> | null = null;

  function loadMore(): Promise<void> {
    if (!loading && receiver.store.next !== null) {
      loading = handled(
        load().finally(() => {
          loading = null;
          changed();
        }),
      );
      changed();
    }
    return loading ?? Promise.resolve();
  }

  async function load(): Promise<void> {
    for (;;) {
      const { store } = receiver;
      if (store.next === null) return;
      const page = await request(store.next).catch(fail);
      // The first page was loaded again meanwhile.
      if (store !== receiver.store) return;
      // A page without items is not the end: the server limits how many entries it reads for one page.
      if (store.append(page) && page.items.length > 0) return;
    }
  }

  return {
    get isLoading() {
      return loading !== null;
    },
    loadMore,
  };
}
