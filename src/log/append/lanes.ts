import { FeedBusyError } from '../../contract/errors.js';
import { feedKeyString } from '../../contract/model/feed.js';
import type { NewNotification } from '../../contract/ports/append.js';
import { jittered } from '../../platform/time/jitter.js';
import type { AppendCall, Item } from './append-call.js';

/**
 * The waiting items of one feed, urgent ones first. States: `ready` (in one of the two lists), `in-flight` (in a batch of this process; a
 * second batch would only find the feed locked), `held` (locked by another process; retried after a delay). A lane without items is removed.
 */
export interface Lane {
  readonly key: string;
  state: 'ready' | 'in-flight' | 'held';
  items: Item[];
  /** When the feed was first found locked, since it was last free, as `performance.now()`. */
  heldSince: number | null;
  timer: NodeJS.Timeout | null;
}

/** The items of a batch by lane. */
export type Batch = ReadonlyMap<Lane, readonly Item[]>;

interface Room {
  items: number;
  bytes: number;
}

const ROOM: Room = { items: 1_000, bytes: 4 * 1024 * 1024 };
/** Of a batch with both kinds. Neither starves, and urgent items do not wait for a transaction full of bulk work. */
const SHARE = { urgent: 3 / 4, bulk: 1 / 4 };
const HELD_RETRY_MS = { first: 4, most: 250 };
/** A feed locked for longer counts as unavailable: its jobs must not fill the worker while other feeds wait. */
const HELD_LIMIT_MS = 1_000;
/** How long such a feed is remembered as locked, so that its next jobs fail at once. */
const HELD_MEMORY_MS = 10_000;

/**
 * What waits to be appended, by feed. Lanes with urgent items are in a list of their own, which is served first: someone waits for the answer,
 * while bulk work may be tens of thousands of items.
 */
export class Lanes {
  private readonly lanes = new Map<string, Lane>();
  private readonly ready = { urgent: new Set<Lane>(), bulk: new Set<Lane>() };

  /** @param onReady Called when a lane has become ready. */
  constructor(private readonly onReady: () => void) {}

  get isReady(): boolean {
    return this.ready.urgent.size > 0 || this.ready.bulk.size > 0;
  }

  add(item: Item): void {
    const key = feedKeyString(item.notification.feed);
    const lane = this.lanes.get(key);
    if (!lane) {
      const made: Lane = { key, state: 'in-flight', items: [item], heldSince: null, timer: null };
      this.lanes.set(key, made);
      this.makeReady(made);
    } else if (!heldTooLong(lane)) {
      insert(lane, item);
      if (lane.state === 'ready' && item.urgent && this.ready.bulk.delete(lane)) this.ready.urgent.add(lane);
    } else if (lane.state === 'held' && lane.items.length === 0) {
      // One job at a time tests whether the feed is free again.
      lane.items.push(item);
      this.retry(lane);
    } else {
      item.call.fail(heldError());
    }
  }

  /** Removes what still waits of this call. */
  withdraw(call: AppendCall, notifications: readonly NewNotification[]): void {
    for (const { feed } of notifications) {
      const lane = this.lanes.get(feedKeyString(feed));
      if (!lane) continue;
      lane.items = lane.items.filter((item) => item.call !== call);
      // The other states end by themselves.
      if (lane.items.length === 0 && lane.state === 'ready') this.drop(lane);
    }
  }

  /** Takes whole lanes while there is room, so that a feed is never in two batches. */
  takeBatch(): Batch {
    const batch = new Map<Lane, Item[]>();
    const mixed = this.ready.urgent.size > 0 && this.ready.bulk.size > 0;
    for (const kind of ['urgent', 'bulk'] as const) fill(batch, this.ready[kind], mixed ? SHARE[kind] : 1);
    return batch;
  }

  /** Called when the batch of this lane has ended. @param busy The items whose feed was locked. */
  settle(lane: Lane, busy: readonly Item[]): void {
    if (busy.length === 0) {
      lane.heldSince = null;
    } else {
      lane.heldSince ??= performance.now();
      const items = [...busy, ...lane.items];
      lane.items = [...items.filter(({ urgent }) => urgent), ...items.filter(({ urgent }) => !urgent)];
      if (heldTooLong(lane)) for (const { call } of lane.items.splice(0)) call.fail(heldError());
    }
    if (lane.heldSince !== null) this.hold(lane);
    else if (lane.items.length > 0) this.makeReady(lane);
    else this.drop(lane);
  }

  private hold(lane: Lane): void {
    lane.state = 'held';
    const waited = performance.now() - lane.heldSince!;
    const delay = jittered(Math.min(HELD_RETRY_MS.most, HELD_RETRY_MS.first + waited), 0.5);
    // A lane without items only remembers that the feed is locked.
    lane.timer = setTimeout(() => this.retry(lane), lane.items.length > 0 ? delay : HELD_MEMORY_MS).unref();
  }

  private retry(lane: Lane): void {
    if (lane.timer) clearTimeout(lane.timer);
    lane.timer = null;
    if (lane.items.length > 0) this.makeReady(lane);
    else this.drop(lane);
  }

  private makeReady(lane: Lane): void {
    lane.state = 'ready';
    this.ready[lane.items[0]!.urgent ? 'urgent' : 'bulk'].add(lane);
    this.onReady();
  }

  private drop(lane: Lane): void {
    this.ready.urgent.delete(lane);
    this.ready.bulk.delete(lane);
    this.lanes.delete(lane.key);
  }
}

function fill(batch: Map<Lane, Item[]>, ready: Set<Lane>, share: number): void {
  const room: Room = { items: ROOM.items * share, bytes: ROOM.bytes * share };
  for (const lane of ready) {
    if (room.items <= 0 || room.bytes <= 0) return;
    ready.delete(lane);
    lane.state = 'in-flight';
    batch.set(lane, takeItems(lane, room));
  }
}

function takeItems(lane: Lane, room: Room): Item[] {
  let count = 0;
  const keys = new Set<string>();
  while (count < lane.items.length && room.items > 0 && room.bytes > 0) {
    const item = lane.items[count]!;
    // The notification with the same key must be committed first.
    if (lane.items.length > 1 && !claimKeys(keys, item.notification)) break;
    room.bytes -= item.bytes;
    room.items -= 1;
    count += 1;
  }
  return lane.items.splice(0, count);
}

function insert(lane: Lane, item: Item): void {
  const place = item.urgent ? lane.items.findIndex(({ urgent }) => !urgent) : -1;
  if (place === -1) lane.items.push(item);
  else lane.items.splice(place, 0, item);
}

/** Claims the keys of this notification, unless another one in this batch has one of them. */
function claimKeys(taken: Set<string>, { dedupeKey, collapseKey }: NewNotification): boolean {
  const keys = collapseKey === null ? [`d${dedupeKey}`] : [`d${dedupeKey}`, `c${collapseKey}`];
  if (keys.some((key) => taken.has(key))) return false;
  for (const key of keys) taken.add(key);
  return true;
}

function heldTooLong(lane: Lane): boolean {
  return lane.heldSince !== null && performance.now() - lane.heldSince > HELD_LIMIT_MS;
}

function heldError(): FeedBusyError {
  return new FeedBusyError(`The feed has been locked by another transaction for over ${HELD_LIMIT_MS} ms.`);
}
