import type {
  Appender,
  AppendResult,
  CommittedNotification,
  NewNotification,
} from '../../contract/ports/append.js';
import type { Metrics } from '../../contract/ports/metrics.js';
import { FeedBusyError, InvalidJobError } from '../../contract/errors.js';
import { feedKeyString } from '../../contract/model/feed.js';
import { appendBatch, frameBytes, makeFeeds, type ItemOutcome } from './append-batch.js';
import type { LogDatabase } from '../database/database.js';
import { jittered } from '../../platform/time/jitter.js';

/** One call of `append` and its outstanding items. */
interface Call {
  readonly results: AppendResult[];
  waitingFor: number;
  settled: boolean;
  readonly resolve: (results: AppendResult[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Item {
  readonly notification: NewNotification;
  readonly call: Call;
  /** The index in the call's results. */
  readonly index: number;
  readonly bytes: number;
}

/**
 * The waiting items of one feed, in order. States: `ready` (queued), `in-flight` (in a batch of this process;
 * a second batch would only find the
 * feed locked), `held` (locked by another process; retried after a delay). A lane without items is removed.
 */
interface Lane {
  readonly key: string;
  state: 'ready' | 'in-flight' | 'held';
  items: Item[];
  /** When the feed was first found locked, since it was last free. */
  heldSince: number | null;
  timer: NodeJS.Timeout | null;
}

/** Two transactions at once: one works while the other waits for the disk. More would only share the same disk. */
const MAX_IN_FLIGHT = 2;
const MAX_BATCH_ITEMS = 1_000;
const MAX_BATCH_BYTES = 4 * 1024 * 1024;
const HELD_RETRY_MS = { first: 4, most: 250 };
/** A feed locked for longer counts as unavailable: its jobs must not fill the worker while other feeds wait. */
const HELD_LIMIT_MS = 1_000;
/** How long such a feed is remembered as locked, so that its next jobs fail at once. */
const HELD_MEMORY_MS = 10_000;

/**
 * Group commit: notifications waiting at the same moment share one transaction, one fsync and one round trip.
 * At a low rate each one is appended
 * at once; at a high rate the batches grow by themselves.
 */
export class GroupCommitAppender implements Appender {
  private readonly lanes = new Map<string, Lane>();
  private ready: Lane[] = [];
  private inFlight = 0;
  private scheduled = false;

  constructor(
    private readonly database: LogDatabase,
    private readonly metrics: Metrics,
    /** Called after each commit with the committed notifications; must not throw. */
    private readonly onCommitted: (results: readonly CommittedNotification[]) => void,
  ) {}

  append(notifications: readonly NewNotification[]): Promise<AppendResult[]> {
    if (notifications.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      const call: Call = { results: [], waitingFor: notifications.length, settled: false, resolve, reject };
      notifications.forEach((notification, index) => {
        this.enqueue({ notification, call, index, bytes: frameBytes(notification) });
      });
    });
  }

  private enqueue(item: Item): void {
    const key = feedKeyString(item.notification.feed);
    const lane = this.lanes.get(key);
    if (!lane) {
      const made: Lane = { key, state: 'ready', items: [item], heldSince: null, timer: null };
      this.lanes.set(key, made);
      this.ready.push(made);
      this.schedule();
    } else if (!heldTooLong(lane)) {
      lane.items.push(item);
    } else if (lane.state === 'held' && lane.items.length === 0) {
      // One job at a time tests whether the feed is free again.
      lane.items.push(item);
      this.retry(lane);
    } else {
      this.fail([item], heldError());
    }
  }

  private schedule(): void {
    if (this.scheduled || this.inFlight >= MAX_IN_FLIGHT) return;
    this.scheduled = true;
    // After the callbacks of this turn, so that jobs that BullMQ hands out together share a batch.
    setImmediate(() => {
      this.scheduled = false;
      while (this.ready.length > 0 && this.inFlight < MAX_IN_FLIGHT) void this.runBatch(this.takeBatch());
    });
  }

  /** Takes whole lanes while there is room, so that a feed is never in two batches. */
  private takeBatch(): Map<Lane, Item[]> {
    const batch = new Map<Lane, Item[]>();
    let items = 0;
    let bytes = 0;
    let lanes = 0;
    while (lanes < this.ready.length && items < MAX_BATCH_ITEMS && bytes < MAX_BATCH_BYTES) {
      const lane = this.ready[lanes]!;
      lanes += 1;
      let count = 0;
      const keys = new Set<string>();
      while (count < lane.items.length && items < MAX_BATCH_ITEMS && bytes < MAX_BATCH_BYTES) {
        const item = lane.items[count]!;
        // The notification with the same key must be committed first.
        if (lane.items.length > 1 && !claimKeys(keys, item.notification)) break;
        bytes += item.bytes;
        items += 1;
        count += 1;
      }
      batch.set(lane, lane.items.splice(0, count));
      lane.state = 'in-flight';
    }
    // All at once: each shift() would move the whole of a long list.
    this.ready.splice(0, lanes);
    return batch;
  }

  private async runBatch(batch: Map<Lane, Item[]>): Promise<void> {
    this.inFlight += 1;
    const items = [...batch.values()].flat();
    try {
      const busy = await this.commit(items);
      for (const [lane, own] of batch)
        this.settleLane(
          lane,
          own.filter((item) => busy.has(item)),
        );
    } catch (error) {
      this.fail(items, error);
      for (const lane of batch.keys()) this.settleLane(lane, []);
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
      if (typeof outcome === 'object') succeed(item, outcome);
      else busy.add(item);
    });
    return busy;
  }

  private async appendMakingFeeds(items: readonly Item[]): Promise<ItemOutcome[]> {
    const notifications = items.map((item) => item.notification);
    const outcomes = await this.appendOnce(notifications);
    const missing = notifications.filter((_, index) => outcomes[index] === 'missing');
    if (missing.length === 0) return outcomes;
    const erased = await makeFeeds(this.database, missing);
    const wanted = missing.filter(({ feed }) => !erased.has(feedKeyString(feed)));
    const again = wanted.length > 0 ? await this.appendOnce(wanted) : [];
    let next = 0;
    return outcomes.map((outcome, index): ItemOutcome => {
      if (outcome !== 'missing') return outcome;
      const { feed } = notifications[index]!;
      return erased.has(feedKeyString(feed)) ? { outcome: 'erased', feed } : again[next++]!;
    });
  }

  /** Runs one transaction and reports its commits at once, whatever happens to the rest of the batch. */
  private async appendOnce(notifications: readonly NewNotification[]): Promise<ItemOutcome[]> {
    const startedAt = performance.now();
    const outcomes = await appendBatch(this.database, notifications);
    const committed = outcomes.filter(isCommitted);
    if (committed.length === 0) return outcomes;
    const appended = committed.filter(({ outcome }) => outcome === 'appended').length;
    this.metrics.batchAppended({
      appended,
      duplicates: committed.length - appended,
      durationMs: performance.now() - startedAt,
    });
    this.onCommitted(committed);
    return outcomes;
  }

  /** Postgres rejected the content of a batch: retries job by job, so that only the invalid one fails. */
  private async commitOneByOne(items: readonly Item[], error: InvalidJobError): Promise<Set<Item>> {
    const calls = new Set(items.map((item) => item.call));
    if (calls.size === 1) {
      this.fail(items, error);
      return new Set();
    }
    const busy = new Set<Item>();
    for (const call of calls) {
      const own = items.filter((item) => item.call === call);
      for (const item of await this.commit(own)) busy.add(item);
    }
    return busy;
  }

  private settleLane(lane: Lane, busy: Item[]): void {
    if (busy.length === 0) {
      lane.heldSince = null;
    } else {
      this.metrics.feedsBusy(1);
      lane.heldSince ??= Date.now();
      lane.items.unshift(...busy);
      if (heldTooLong(lane)) this.fail(lane.items.splice(0), heldError());
    }
    if (lane.heldSince !== null) {
      this.hold(lane);
    } else if (lane.items.length > 0) {
      lane.state = 'ready';
      this.ready.push(lane);
    } else {
      this.drop(lane);
    }
  }

  private hold(lane: Lane): void {
    lane.state = 'held';
    const waited = Date.now() - lane.heldSince!;
    const delay = jittered(Math.min(HELD_RETRY_MS.most, HELD_RETRY_MS.first + waited), 0.5);
    // A lane without items only remembers that the feed is locked.
    lane.timer = setTimeout(() => this.retry(lane), lane.items.length > 0 ? delay : HELD_MEMORY_MS).unref();
  }

  private retry(lane: Lane): void {
    if (lane.timer) clearTimeout(lane.timer);
    lane.timer = null;
    if (lane.items.length === 0) {
      this.drop(lane);
      return;
    }
    lane.state = 'ready';
    this.ready.push(lane);
    this.schedule();
  }

  private drop(lane: Lane): void {
    this.lanes.delete(lane.key);
  }

  private fail(items: readonly Item[], error: unknown): void {
    for (const { call } of items) {
      if (call.settled) continue;
      call.settled = true;
      call.reject(error);
    }
  }
}

/** Claims the keys of this notification, unless another one in this batch has one of them. */
function claimKeys(taken: Set<string>, { dedupeKey, collapseKey }: NewNotification): boolean {
  const keys = collapseKey === null ? [`d${dedupeKey}`] : [`d${dedupeKey}`, `c${collapseKey}`];
  if (keys.some((key) => taken.has(key))) return false;
  for (const key of keys) taken.add(key);
  return true;
}

function isCommitted(outcome: ItemOutcome): outcome is CommittedNotification {
  return typeof outcome === 'object' && 'seq' in outcome;
}

function succeed({ call, index }: Item, result: AppendResult): void {
  call.results[index] = result;
  call.waitingFor -= 1;
  if (call.waitingFor > 0 || call.settled) return;
  call.settled = true;
  call.resolve(call.results);
}

function heldTooLong(lane: Lane): boolean {
  return lane.heldSince !== null && Date.now() - lane.heldSince > HELD_LIMIT_MS;
}

function heldError(): FeedBusyError {
  return new FeedBusyError(`The feed has been locked by another transaction for over ${HELD_LIMIT_MS} ms.`);
}
