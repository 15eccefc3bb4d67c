import type {
  Appender,
  AppendOptions,
  AppendResult,
  CommittedNotification,
  NewNotification,
} from '../../contract/ports/append.js';
import type { Metrics } from '../../contract/ports/metrics.js';
import { InvalidJobError } from '../../contract/errors.js';
import { feedKeyString } from '../../contract/model/feed.js';
import { appendBatch, makeFeeds, type ItemOutcome } from './append-batch.js';
import { AppendCall, itemsOf, type Item } from './append-call.js';
import { Lanes, type Batch } from './lanes.js';
import type { LogDatabase } from '../database/database.js';
import { outsideOfCalls } from '../../platform/call-context.js';

/** Two transactions at once: one works while the other waits for the disk. More would only share the same disk. */
const MAX_IN_FLIGHT = 2;

/**
 * Group commit: notifications waiting at the same moment share one transaction, one fsync and one round trip.
 * At a low rate each one is appended
 * at once; at a high rate the batches grow by themselves.
 */
export class GroupCommitAppender implements Appender {
  private readonly lanes = new Lanes(() => this.schedule());
  private inFlight = 0;
  private scheduled = false;
  private committedAt = -Infinity;

  constructor(
    private readonly database: LogDatabase,
    private readonly metrics: Metrics,
    /** Called after each commit with the committed notifications, and the calls that they are of; must not throw. */
    private readonly onCommitted: (
      results: readonly CommittedNotification[],
      calls: readonly AppendCall[],
    ) => void,
  ) {}

  get lastCommitAt(): number {
    return this.committedAt;
  }

  append(
    notifications: readonly NewNotification[],
    { urgent = false, signal }: AppendOptions = {},
  ): Promise<AppendResult[]> {
    if (notifications.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const call = new AppendCall(notifications.length, resolve, reject);
      signal?.addEventListener('abort', () => {
        this.lanes.withdraw(call, notifications);
        call.fail(signal.reason);
      });
      for (const item of itemsOf(notifications, call, urgent)) this.lanes.add(item);
    });
  }

  private schedule(): void {
    if (this.scheduled || this.inFlight >= MAX_IN_FLIGHT) return;
    this.scheduled = true;
    // After the callbacks of this turn, so that jobs that BullMQ hands out together share a batch.
    // The batches are everybody's, and not a part of the call that came first.
    outsideOfCalls(() => setImmediate(this.runReady));
  }

  private readonly runReady = (): void => {
    this.scheduled = false;
    while (this.lanes.isReady && this.inFlight < MAX_IN_FLIGHT) void this.runBatch(this.lanes.takeBatch());
  };

  private async runBatch(batch: Batch): Promise<void> {
    this.inFlight += 1;
    const items = [...batch.values()].flat();
    try {
      const busy = await this.commit(items);
      for (const [lane, own] of batch) {
        const left = own.filter((item) => busy.has(item));
        if (left.length > 0) this.metrics.feedsBusy(1);
        this.lanes.settle(lane, left);
      }
    } catch (error) {
      for (const { call } of items) call.fail(error);
      for (const lane of batch.keys()) this.lanes.settle(lane, []);
    } finally {
      this.inFlight -= 1;
      this.schedule();
    }
  }

  /** Commits the items and settles them, except those of feeds locked elsewhere, which it returns. */
  private async commit(items: readonly Item[]): Promise<Set<Item>> {
    let outcomes: ItemOutcome[];
    try {
      outcomes = await this.appendMakingFeeds(items);
    } catch (error) {
      if (!(error instanceof InvalidJobError)) throw error;
      return this.commitOneByOne(items, error);
    }
    const busy = new Set<Item>();
    items.forEach((item, index) => {
      const outcome = outcomes[index]!;
      if (typeof outcome === 'object') item.call.succeed(item.index, outcome);
      else busy.add(item);
    });
    return busy;
  }

  private async appendMakingFeeds(items: readonly Item[]): Promise<ItemOutcome[]> {
    const outcomes = await this.appendOnce(items);
    const missing = items.filter((_, index) => outcomes[index] === 'missing');
    if (missing.length === 0) return outcomes;
    const erased = await makeFeeds(
      this.database,
      missing.map(({ notification }) => notification),
    );
    const wanted = missing.filter(({ notification }) => !erased.has(feedKeyString(notification.feed)));
    const again = wanted.length > 0 ? await this.appendOnce(wanted) : [];
    let next = 0;
    return outcomes.map((outcome, index): ItemOutcome => {
      if (outcome !== 'missing') return outcome;
      const { feed } = items[index]!.notification;
      return erased.has(feedKeyString(feed)) ? { outcome: 'erased', feed } : again[next++]!;
    });
  }

  /** Runs one transaction and reports its commits at once, whatever happens to the rest of the batch. */
  private async appendOnce(items: readonly Item[]): Promise<ItemOutcome[]> {
    const startedAt = performance.now();
    const outcomes = await appendBatch(
      this.database,
      items.map(({ notification }) => notification),
    );
    this.committedAt = performance.now();
    const committed: CommittedNotification[] = [];
    const calls: AppendCall[] = [];
    outcomes.forEach((outcome, index) => {
      if (!isCommitted(outcome)) return;
      committed.push(outcome);
      calls.push(items[index]!.call);
    });
    if (committed.length === 0) return outcomes;
    const appended = committed.filter(({ outcome }) => outcome === 'appended').length;
    this.metrics.batchAppended({
      appended,
      duplicates: committed.length - appended,
      durationMs: this.committedAt - startedAt,
    });
    this.onCommitted(committed, calls);
    return outcomes;
  }

  /** Postgres rejected the content of a batch: retries job by job, so that only the invalid one fails. */
  private async commitOneByOne(items: readonly Item[], error: InvalidJobError): Promise<Set<Item>> {
    const calls = new Set(items.map((item) => item.call));
    if (calls.size === 1) {
      for (const call of calls) call.fail(error);
      return new Set();
    }
    const busy = new Set<Item>();
    for (const call of calls) {
      const own = items.filter((item) => item.call === call);
      for (const item of await this.commit(own)) busy.add(item);
    }
    return busy;
  }
}

function isCommitted(outcome: ItemOutcome): outcome is CommittedNotification {
  return typeof outcome === 'object' && 'seq' in outcome;
}
