import { outsideOfCalls } from './call-context.js';

interface Waiting<Key, Value> {
  readonly key: Key;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Loads that start in the same turn of the event loop share one query, and only a few queries run at once. That bounds a reconnect
 * storm: thousands of replays wait here instead of in the database.
 *
 *     idle --load()--> collecting --end of the turn, fewer than maxConcurrent loading--> loading --loaded or failed--> idle
 *
 * With `spacingMs`, collecting lasts until that long after the start of the last query: a query for one key costs about as much as one for
 * ten. A load that comes alone does not wait.
 */
export class BatchLoader<Key, Value> {
  private waiting: Waiting<Key, Value>[] = [];
  private loading = 0;
  private scheduled = false;
  private startedAt = -Infinity;

  constructor(
    /** Loads many keys; resolves to the values in the order of the keys. */
    private readonly loadMany: (keys: readonly Key[]) => Promise<readonly Value[]>,
    private readonly limits: {
      readonly maxBatch: number;
      readonly maxConcurrent: number;
      readonly spacingMs?: number;
    },
  ) {}

  load(key: Key): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ key, resolve, reject });
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.scheduled || this.loading >= this.limits.maxConcurrent) return;
    this.scheduled = true;
    const waitMs = this.startedAt + (this.limits.spacingMs ?? 0) - performance.now();
    // The queries are everybody's, and not a part of the call whose load came first.
    outsideOfCalls(() => {
      if (waitMs > 0) setTimeout(this.loadWaiting, waitMs);
      else setImmediate(this.loadWaiting);
    });
  }

  private readonly loadWaiting = (): void => {
    this.scheduled = false;
    this.startedAt = performance.now();
    while (this.waiting.length > 0 && this.loading < this.limits.maxConcurrent) void this.loadNext();
  };

  private async loadNext(): Promise<void> {
    const batch = this.waiting.splice(0, this.limits.maxBatch);
    this.loading += 1;
    try {
      const values = await this.loadMany(batch.map(({ key }) => key));
      batch.forEach(({ resolve }, index) => resolve(values[index]!));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.loading -= 1;
      if (this.waiting.length > 0) this.schedule();
    }
  }
}
