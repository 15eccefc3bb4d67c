import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { formatCursor, parseCursor } from '../../../src/contract/model/cursor.js';
import type { NotificationItem } from '../../../src/contract/model/entry.js';
import { NO_METRICS } from '../../../src/contract/ports/metrics.js';
import { PostgresInbox } from '../../../src/log/inbox/postgres-inbox.js';
import { PostgresInboxChanges } from '../../../src/log/inbox/postgres-inbox-changes.js';
import { PostgresPreferences } from '../../../src/log/inbox/postgres-preferences.js';
import { PostgresRecaller } from '../../../src/log/inbox/postgres-recaller.js';
import { LiveFeedsHub } from '../../../src/live/live-feeds.js';
import { PostgresLogEraser } from '../../../src/log/upkeep/eraser.js';
import { ExpirySweep } from '../../../src/log/upkeep/expiry-sweep.js';
import { GroupCommitAppender } from '../../../src/log/append/group-commit.js';
import { Retention } from '../../../src/log/upkeep/retention.js';
import { SnoozeSweep } from '../../../src/log/upkeep/snooze-sweep.js';
import { FeedStreams } from '../../../src/stream/feed-streams.js';
import { eventually } from '../../support/eventually.js';
import { NO_AUDIENCES, NO_TAKER } from '../../support/no-audiences.js';
import { NO_TICKETS } from '../../support/no-tickets.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { propertyOptions } from '../../support/property.js';
import { FakeBus } from '../../live/fake-bus.js';
import { openLog, notification, type Log } from '../open-log.js';
import { FeedClient } from './feed-client.js';
import { InboxModel, isMandatory, TYPES, type ModelChange, type ModelItem } from './inbox-model.js';
import { declaredTypes, request } from './open-inbox.js';
import { recount } from './recount.js';

const CLIENTS = 3;
const STREAM_OPTIONS = {
  heartbeatMs: 15_000,
  maxPerRecipient: null,
  stalledAfterMs: 60_000,
  retryMs: 2_000,
  headCheckMs: 60_000,
};

const just = <T>(value: T): fc.Arbitrary<T> => fc.constant(value);
const pick = fc.nat(1_000);
const client = fc.nat(CLIENTS - 1);
const change = fc.constantFrom<ModelChange[]>('read', 'read', 'unread', 'archive', 'unarchive', 'remove');

type Step =
  | {
      do: 'publish';
      type: number;
      key: number | null;
      collapse: number | null;
      mayExpire: boolean;
      lost: boolean;
    }
  | { do: 'changeIds'; change: ModelChange; picks: number[]; foreign: boolean; lost: boolean }
  | { do: 'changeUpTo'; change: 'read' | 'seen' | 'archive'; back: number; lost: boolean }
  | { do: 'expire'; pick: number }
  | { do: 'sweep'; lost: boolean }
  | { do: 'snooze' | 'unsnooze'; picks: number[]; lost: boolean }
  | { do: 'wake'; lost: boolean }
  | { do: 'act'; pick: number; action: string; lost: boolean }
  | { do: 'mute'; types: number[] }
  | { do: 'recall'; key: number; lost: boolean }
  | { do: 'trim'; most: number }
  | { do: 'connect' | 'leave'; client: number }
  | { do: 'look' }
  | { do: 'catchUp' };

const lost = fc.boolean();
const steps: [number, fc.Arbitrary<Step>][] = [
  [
    12,
    fc.record({
      do: just('publish' as const),
      type: fc.nat(TYPES.length - 1),
      key: fc.option(fc.nat(5), { freq: 3, nil: null }),
      collapse: fc.option(fc.nat(1), { freq: 2, nil: null }),
      mayExpire: fc.boolean(),
      lost,
    }),
  ],
  [
    8,
    fc.record({
      do: just('changeIds' as const),
      change,
      picks: fc.array(pick, { minLength: 1, maxLength: 4 }),
      foreign: fc.nat(9).map((n) => n === 0),
      lost,
    }),
  ],
  [
    5,
    fc.record({
      do: just('changeUpTo' as const),
      change: fc.constantFrom('read' as const, 'seen' as const, 'archive' as const),
      back: fc.oneof(just(0), fc.nat(12)),
      lost,
    }),
  ],
  [2, fc.record({ do: just('expire' as const), pick })],
  [1, fc.record({ do: just('sweep' as const), lost })],
  [
    4,
    fc.record({
      do: fc.constantFrom('snooze' as const, 'snooze' as const, 'unsnooze' as const),
      picks: fc.array(pick, { minLength: 1, maxLength: 3 }),
      lost,
    }),
  ],
  [2, fc.record({ do: just('wake' as const), lost })],
  [3, fc.record({ do: just('act' as const), pick, action: fc.constantFrom('accept', 'decline'), lost })],
  [1, fc.record({ do: just('mute' as const), types: fc.uniqueArray(fc.nat(1), { maxLength: 2 }) })],
  [2, fc.record({ do: just('recall' as const), key: fc.nat(5), lost })],
  [1, fc.record({ do: just('trim' as const), most: fc.integer({ min: 1, max: 8 }) })],
  [3, fc.record({ do: just('connect' as const), client })],
  [2, fc.record({ do: just('leave' as const), client })],
  [2, just({ do: 'look' as const })],
  [2, just({ do: 'catchUp' as const })],
];
const [publishing, ...others] = steps.map(([weight, arbitrary]) => ({ weight, arbitrary }));
/** Of a few kinds of steps at a time: what only those do to each other comes up far more often than among all of them. */
const sequences = fc
  .subarray(others, { minLength: 2 })
  .chain((some) => fc.array(fc.oneof(publishing!, ...some), { minLength: 10, maxLength: 40, size: 'max' }));

const ACTIONS = JSON.stringify({
  actions: ['accept', 'decline'].map((id) => ({ id, label: id })),
});

/** A bus that loses what it is told to lose. */
class LossyBus extends FakeBus {
  losing = false;

  override announce(...announcements: Parameters<FakeBus['announce']>): void {
    if (!this.losing) super.announce(...announcements);
  }
}

/** One feed with everything that writes and reads it, the model beside it, and the clients. */
class World {
  readonly faults: string[] = [];
  readonly model = new InboxModel();
  private readonly feed = { tenant: 't', recipient: randomUUID() };
  private readonly bus = new LossyBus();
  private readonly appender: GroupCommitAppender;
  private readonly inbox: PostgresInbox;
  private readonly changes: PostgresInboxChanges;
  private readonly preferences: PostgresPreferences;
  private readonly recaller: PostgresRecaller;
  private readonly sweeper: ExpirySweep;
  private readonly waker: SnoozeSweep;
  /** Each snooze ends later than those before. */
  private wakeAt = Date.now() + 3_600_000;
  private readonly hub: LiveFeedsHub;
  private readonly streams: FeedStreams;
  private readonly clients: FeedClient[];
  private epoch = '';
  /** Trimming changes counts without a word: they are told when the client comes back. */
  private trimmed = false;

  constructor(private readonly log: Log) {
    const { database, reader } = log;
    this.appender = new GroupCommitAppender(database, NO_METRICS, (results) => this.bus.announce(results));
    this.inbox = new PostgresInbox(database, reader, NO_TAKER);
    this.changes = new PostgresInboxChanges(database, this.bus);
    this.preferences = new PostgresPreferences(database, declaredTypes);
    this.recaller = new PostgresRecaller(database, reader, this.bus);
    this.sweeper = new ExpirySweep(database, this.bus, 60_000);
    this.waker = new SnoozeSweep(database, 60_000, (news) => this.bus.announce(news));
    this.hub = new LiveFeedsHub(this.bus, reader, STREAM_OPTIONS);
    this.streams = new FeedStreams({
      reader,
      live: this.hub,
      audiences: NO_AUDIENCES,
      tickets: NO_TICKETS,
      metrics: NO_METRICS,
      options: STREAM_OPTIONS,
    });
    const fault = (problem: string): void => void this.faults.push(problem);
    this.clients = Array.from({ length: CLIENTS }, () => new FeedClient(this.feed, this.inbox, fault));
  }

  async open(): Promise<this> {
    this.epoch = (await this.log.reader.open(this.feed)).epoch;
    await this.clients[0]!.connect(this.streams);
    return this;
  }

  async run(now: Step): Promise<void> {
    this.bus.losing = 'lost' in now && now.lost;
    await this.do(now);
    this.bus.losing = false;
    await this.checkCounts();
    expect(this.faults).toEqual([]);
  }

  private async do(now: Step): Promise<void> {
    const { model, feed } = this;
    switch (now.do) {
      case 'publish':
        return this.publish(now);
      case 'changeIds': {
        const { kept } = model;
        const ids = this.pick(now.picks);
        if (now.foreign) ids.push(foreignId(kept[0]?.id));
        if (ids.length === 0 || now.change === 'seen') return;
        const changing = this.changes.change(feed, now.change, { ids });
        if (now.foreign) {
          await expect(changing).rejects.toMatchObject({
            code: 'not-found',
            fields: [{ field: `ids[${ids.length - 1}]` }],
          });
          return;
        }
        model.change(now.change, ({ id }) => ids.includes(id));
        return this.checkAnswer(await changing);
      }
      case 'changeUpTo': {
        const seq = Math.max(0, model.head - now.back);
        if (now.change === 'seen') model.seen(seq);
        else model.change(now.change, (item) => item.seq <= seq);
        return this.checkAnswer(
          await this.changes.change(feed, now.change, { upTo: formatCursor(this.epoch, seq) }),
        );
      }
      case 'expire': {
        const candidates = model.shown.filter(({ mayExpire }) => mayExpire);
        const item = candidates[now.pick % (candidates.length || 1)];
        if (!item) return;
        await this.log.database.query(
          `UPDATE tidings.entry e SET expires_at = now() FROM tidings.feed f
            WHERE f.id = e.feed_id AND f.recipient = $1 AND e.seq = $2`,
          [feed.recipient, item.seq],
        );
        return model.expire(item);
      }
      case 'sweep':
        expect(await this.sweeper.sweep()).toBe(model.sweep().length > 0 ? 1 : 0);
        return;
      case 'snooze': {
        const ids = this.pick(now.picks);
        if (ids.length === 0) return;
        model.snooze(ids);
        this.wakeAt += 1_000;
        return this.checkAnswer(await this.changes.snooze(feed, { ids, until: new Date(this.wakeAt) }));
      }
      case 'unsnooze': {
        const ids = this.pick(now.picks);
        if (ids.length === 0) return;
        model.bringBack(({ id }) => ids.includes(id));
        return this.checkAnswer(await this.changes.unsnooze(feed, ids));
      }
      case 'wake':
        await this.log.database.query(
          `UPDATE tidings.snoozed s SET due_at = now() FROM tidings.feed f WHERE f.id = s.feed_id AND f.recipient = $1`,
          [feed.recipient],
        );
        expect(await this.waker.sweep()).toBe(model.bringBack());
        return;
      case 'act': {
        const [id] = this.pick([now.pick]);
        if (id === undefined) return;
        const chosen = model.act(id, now.action);
        const acting = this.changes.act(feed, id, now.action);
        if (chosen === null) await expect(acting).rejects.toMatchObject({ code: 'not-found' });
        else if (chosen === now.action) expect(await acting).toMatchObject({ id, action: chosen });
        else await expect(acting).rejects.toMatchObject({ code: 'already-acted', action: chosen });
        return;
      }
      case 'mute':
        model.muted = now.types.map((nth) => TYPES[nth]!);
        await this.preferences.put(feed, { muted: model.muted });
        return;
      case 'recall':
        expect(await this.recaller.recall([feed], `key-${now.key}`, null)).toEqual([
          model.recall(`key-${now.key}`),
        ]);
        return;
      case 'trim':
        await new Retention(this.log.database, {
          days: null,
          maxEntries: now.most,
          sweepMs: 60_000,
          dedupeKeyDays: 90,
        }).sweep();
        model.trim(now.most);
        expect(await this.log.reader.find(feed)).toMatchObject({ floor: model.oldestCursor });
        this.trimmed = true;
        return;
      case 'connect':
        if (!this.clients[now.client]!.connected) await this.clients[now.client]!.connect(this.streams);
        return;
      case 'leave':
        return this.clients[now.client]!.disconnect();
      case 'look':
        return this.checkPages();
      case 'catchUp':
        return this.catchUp();
    }
  }

  /** Ids of what is kept or snoozed, each once. */
  private pick(picks: readonly number[]): string[] {
    const all = [...this.model.kept, ...this.model.snoozed];
    return [...new Set(picks.flatMap((nth) => all[nth % (all.length || 1)]?.id ?? []))];
  }

  private async publish(step: Step & { do: 'publish' }): Promise<void> {
    const { model, feed } = this;
    const type = TYPES[step.type]!;
    const key = step.key === null ? randomUUID() : `key-${step.key}`;
    const collapseKey = step.collapse === null ? null : `collapse-${step.collapse}`;
    const [result] = await this.appender.append([
      notification(feed.recipient, {
        feed,
        type,
        dedupeKey: `k:${key}`,
        collapseKey,
        contentJson: ACTIONS,
        mandatory: isMandatory(type),
        expiresAt: step.mayExpire ? new Date(Date.now() + 3_600_000) : null,
      }),
    ]);
    expect(result!.outcome).toBe(model.outcomeOf(type, key));
    if (result!.outcome !== 'appended') return;
    const { seq, entry } = result as Extract<typeof result, { seq: number }>;
    // What expires is not kept in memories: its content is in the log alone.
    expect(entry === null).toBe(step.mayExpire);
    const { feedId } = await this.log.reader.open(feed);
    const page = entry ? null : await this.log.reader.page(feedId, seq - 1);
    const published = parse((entry ?? page!.entries[0])!.json!);
    const item = model.publish({ type, key, collapseKey, mayExpire: step.mayExpire, id: published.id });
    expect(seq).toBe(item.seq);
    expect(published).toMatchObject({ count: item.count, replaces: item.replaces });
  }

  private checkAnswer(answer: { unread: number; unseen: number; cursor: string }): void {
    const { model } = this;
    // The cursor shows whether an entry was appended, and that nothing was where nothing changed.
    const cursor = formatCursor(this.epoch, model.head);
    expect(answer).toEqual({ unread: model.unread, unseen: model.unseen, cursor });
  }

  /** By the port, and by counting the rows. */
  private async checkCounts(): Promise<void> {
    const { unread, unseen } = this.model;
    const [counted, recounted] = await Promise.all([
      this.inbox.count(this.feed),
      recount(this.log.database, this.feed),
    ]);
    expect(counted).toMatchObject({ unread, unseen });
    expect(recounted).toEqual({ unread, unseen });
  }

  private async checkPages(): Promise<void> {
    const away = await this.inbox.page(this.feed, request({ limit: 100, snoozed: true }));
    expect(away.items.map((item) => parse(item).id)).toEqual(
      this.model.snoozed.toSorted((a, b) => b.origin - a.origin).map(({ id }) => id),
    );
    for (const archived of [false, true]) {
      const page = await this.inbox.page(this.feed, request({ limit: 100, archived }));
      const expected = this.model.shown.filter((item) => item.archived === archived).map(viewOf);
      expect(page.items.map(parse).map(viewOfJson).reverse()).toEqual(expected);
      const unread = await this.inbox.page(this.feed, request({ limit: 100, archived, unread: true }));
      expect(unread.items.map((item) => parse(item).id).reverse()).toEqual(
        expected.filter(({ read }) => !read).map(({ id }) => id),
      );
    }
  }

  /** The bus is back and what is due is swept: every client must find to the model by itself. */
  async catchUp(): Promise<void> {
    expect(await this.sweeper.sweep()).toBe(this.model.sweep().length > 0 ? 1 : 0);
    for (const each of this.clients) {
      if (this.trimmed) each.disconnect();
      if (!each.connected) await each.connect(this.streams);
    }
    this.trimmed = false;
    this.bus.reconnect();
    const { model } = this;
    await eventually(() => this.clients.every(({ seq }) => seq === model.head), { everyMs: 1 });
    for (const each of this.clients) {
      expect(each.list.filter(({ seq }) => seq > model.floor).map(viewOfClient)).toEqual(
        model.shown.map(viewOfState),
      );
      expect({ unread: each.unread, unseen: each.unseen }).toEqual({
        unread: model.unread,
        unseen: model.unseen,
      });
    }
    expect(this.faults).toEqual([]);
  }

  async close(): Promise<void> {
    for (const each of this.clients) each.disconnect();
    this.hub.close();
    await new PostgresLogEraser(this.log.database).eraseRecipient(this.feed);
  }
}

const parse = (text: string): NotificationItem => JSON.parse(text) as NotificationItem;
const viewOf = ({ id, seq, type, count, replaces, read, acted }: Omit<ModelItem, 'archived'>) => ({
  id,
  seq,
  type,
  count,
  replaces,
  read,
  acted,
});
const viewOfJson = ({ id, cursor, type, count, replaces, readAt, acted }: NotificationItem) => ({
  id,
  seq: parseCursor(cursor)!.seq,
  type,
  count,
  replaces,
  read: readAt !== null,
  acted: acted?.action ?? null,
});
const viewOfState = (item: ModelItem) => ({ ...viewOf(item), archived: item.archived });
const viewOfClient = ({
  id,
  seq,
  type,
  count,
  replaces,
  read,
  archived,
  acted,
}: FeedClient['list'][number]) => ({
  id,
  seq,
  type,
  count,
  replaces,
  read,
  archived,
  acted,
});

/** The id of a place in this feed that is another's, as one from a neighbour's page would be. */
function foreignId(own: string | undefined): string {
  return own ? `${own.slice(0, 14)}4${own.slice(15)}` : randomUUID();
}

describe('the inbox, whatever happens', () => {
  let test: TestDatabase;
  let log: Log;

  beforeAll(async () => {
    test = await createMigratedDatabase();
    log = await openLog(test.url);
  });

  afterAll(async () => {
    await log.close();
    await test.drop();
  });

  it('agrees with a simple model, as does every client that has caught up', async () => {
    await fc.assert(
      fc.asyncProperty(sequences, async (sequence) => {
        const world = await new World(log).open();
        try {
          for (const now of sequence) await world.run(now);
          await world.catchUp();
        } finally {
          await world.close();
        }
      }),
      propertyOptions(20),
    );
  }, 600_000);
});
