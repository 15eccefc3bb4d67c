interface Waiting<Key, Value> {
  readonly key: Key;
  readonly resolve: (value: Value) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Reads that are asked for at the same moment share one query, and no more than a few queries run at once. This is what bounds a
 * reconnect storm: thousands of replays wait here in turn, instead of in the database.
 *
 * States: idle -> gathering (until the end of this turn of the event loop) -> loading; while as many batches load as may, keys gather.
 */
export class BatchLoader<Key, Value> {
  private waiting: Waiting<Key, Value>[] = [];
  private loading = 0;
  private scheduled = false;

  constructor(
    /** Loads many keys; the values come in the order of the keys. */
    private readonly loadMany: (keys: readonly Key[]) => Promise<readonly Value[]>,
    private readonly limits: { readonly maxBatch: number; readonly maxConcurrent: number },
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
    setImmediate(() => {
      this.scheduled = false;
      while (this.waiting.length > 0 && this.loading < this.limits.maxConcurrent) void this.loadNext();
    });
  }

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
