import { setTimeout as sleep } from 'node:timers/promises';
import { audienceFeed } from '../../contract/model/audience.js';
import { feedKeyString } from '../../contract/model/feed.js';
import type {
  AudienceRenderer,
  AudienceTaker,
  Member,
  TakenNotification,
} from '../../contract/ports/audience.js';
import type { Announcement } from '../../contract/ports/live.js';
import type { Metrics } from '../../contract/ports/metrics.js';
import { BatchLoader } from '../../platform/batch-loader.js';
import { jittered } from '../../platform/time/jitter.js';
import { makeFeeds } from '../append/append-batch.js';
import { arrayText } from '../database/array-text.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';
import { NOT_RENDERED, renderPending, type RenderedEntries } from './render-pending.js';

/** Feeds of one transaction. */
export const FEEDS_PER_TAKE = 250;
/** Entries of one audience that one transaction takes into one feed. */
const ENTRIES_PER_TAKE = 100;
/** A locked feed is tried again this often, 10 ms, 20 ms, 40 ms ... later. */
const BUSY = { attempts: 6, firstMs: 10 };

/** Parameters and result: see migrations/audience-functions.ts. */
const TAKE: Statement = (schema) => `
  SELECT outcome, nth, epoch, seq, type, entry_json
    FROM ${schema}.take_audiences($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`;

interface TakeRow extends Record<string, unknown> {
  outcome: 'taken' | 'removed' | 'more' | 'missing' | 'busy';
  nth: number;
  epoch: string;
  seq: string;
  type: string;
  entry_json: string | null;
}

/** What a transaction has left for a feed: nothing, more entries, or all because the feed was locked. */
type Left = 'nothing' | 'more' | 'busy';

/** Called after each commit; must not throw. */
export interface TakerListener {
  /** New notifications, as an append reports them. */
  readonly taken: (notifications: readonly TakenNotification[]) => void;
  /** Entries that report recalls and gaps. */
  readonly changed: (announcements: readonly Announcement[]) => void;
}

/** Takes entries of audiences into feeds, see migrations/audience-functions.ts. */
export class PostgresAudienceTaker implements AudienceTaker {
  // Two transactions at once, as in the group commit.
  private readonly takes = new BatchLoader<Member, Left>((members) => this.takeMany(members), {
    maxBatch: FEEDS_PER_TAKE,
    maxConcurrent: 2,
  });

  constructor(
    private readonly database: LogDatabase,
    private readonly renderer: AudienceRenderer,
    private readonly metrics: Metrics,
    private readonly on: TakerListener,
  ) {}

  async take(member: Member): Promise<boolean> {
    for (let busy = 0; busy < BUSY.attempts;) {
      const left = await this.takes.load(member);
      if (left === 'nothing') return true;
      // Outside the transaction, so that one locked feed does not delay the others.
      if (left === 'busy') await sleep(jittered(BUSY.firstMs * 2 ** busy++, 0.5));
    }
    return false;
  }

  private async takeMany(members: readonly Member[]): Promise<Left[]> {
    const merged = merge(members);
    const left = await this.takeOnce([...merged.values()]);
    return members.map(({ feed }) => left.get(feedKeyString(feed)) ?? 'nothing');
  }

  /** One transaction. @returns What is left, by feed. */
  private async takeOnce(members: readonly Member[]): Promise<Map<string, Left>> {
    const startedAt = performance.now();
    const feeds = members.map(({ feed }) => feed);
    const names = [feeds.map(({ tenant }) => tenant), feeds.map(({ recipient }) => recipient)];
    const memberships = members.map(({ audiences }) => arrayText(audiences));
    const locales = await this.renderer.locales(feeds);
    const rendered: RenderedEntries = locales.some((locale) => locale !== null)
      ? await renderPending(this.database, this.renderer, {
          names,
          memberships,
          locales,
          most: ENTRIES_PER_TAKE,
        })
      : NOT_RENDERED;
    const rows = await this.database.query<TakeRow>(TAKE, [
      ...names,
      memberships,
      locales,
      this.renderer.mandatory,
      ENTRIES_PER_TAKE,
      rendered.audiences,
      rendered.seqs,
      rendered.locales,
      rendered.titles,
      rendered.bodies,
      rendered.links,
      rendered.contents,
    ]);
    this.report(members, rows, performance.now() - startedAt);

    const left = new Map<string, Left>();
    for (const { nth, outcome } of rows) {
      const key = feedKeyString(feeds[nth - 1]!);
      if (outcome === 'busy') left.set(key, 'busy');
      if (outcome === 'more' || outcome === 'missing') left.set(key, 'more');
    }
    // In a transaction of its own: an uncommitted row blocks everyone else who makes it.
    const missing = rows.filter(({ outcome }) => outcome === 'missing');
    if (missing.length > 0) {
      const wanted = missing.map(({ nth, type }) => ({ feed: audienceFeed(feeds[nth - 1]!.tenant, type) }));
      await makeFeeds(this.database, wanted);
    }
    return left;
  }

  private report(members: readonly Member[], rows: readonly TakeRow[], durationMs: number): void {
    const taken: TakenNotification[] = [];
    const changed: Announcement[] = [];
    let busy = 0;
    for (const { outcome, nth, epoch, type, entry_json: json, ...row } of rows) {
      const { feed } = members[nth - 1]!;
      const seq = Number(row.seq);
      if (outcome === 'busy') busy += 1;
      if (outcome === 'taken')
        taken.push({
          outcome: 'appended',
          feed,
          epoch,
          seq,
          type,
          entry: json === null ? null : { seq, type, json },
        });
      if (outcome === 'removed') changed.push({ feed, epoch, seq, entry: { seq, type, json } });
    }
    if (busy > 0) this.metrics.feedsBusy(busy);
    if (taken.length > 0) {
      this.metrics.batchAppended({ appended: taken.length, duplicates: 0, durationMs });
      this.metrics.audienceTaken?.(taken.length);
      this.on.taken(taken);
    }
    if (changed.length > 0) this.on.changed(changed);
  }
}

/** Two devices of a recipient may open at the same moment, with different claims. */
function merge(members: readonly Member[]): Map<string, Member> {
  const merged = new Map<string, Member>();
  for (const member of members) {
    const key = feedKeyString(member.feed);
    const other = merged.get(key);
    const audiences = other ? [...new Set([...other.audiences, ...member.audiences])] : member.audiences;
    merged.set(key, { feed: member.feed, audiences });
  }
  return merged;
}
