import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { FeedKey } from '../contract/model/feed.js';
import type { AudienceTaker, Member } from '../contract/ports/audience.js';
import type { FeedWatch, LiveFeeds } from '../contract/ports/live.js';
import type { FeedReader, FeedState } from '../contract/ports/read.js';
import { Outage } from '../platform/logging/outage.js';
import { backoffMs } from '../platform/time/backoff.js';

/** Members whose entries are taken together. */
const BATCH = 250;

/**
 * An audience with members on this instance. What is announced is taken into their feeds in batches, spread over a
 * time, so that an announcement to everybody is no stampede:
 *
 *     opening --acknowledged, head read--> idle --the head has moved--> taking --all members--> idle
 *                                                                       taking --failed, or a feed stays locked--> waiting --backoff--> taking
 *       any state --last member leaves--> closed
 *
 * A member that joins takes by opening its feed, which it does after `join`; so what was announced before is taken
 * by the opening, and what is announced later moves the head and is taken here. Taking twice changes nothing.
 */
export class WatchedAudience {
  private static readonly outage = new Outage(new Logger('Audiences'), 'Taking announcements into feeds');
  private readonly members = new Set<Member>();
  /** Members whose feeds were locked. */
  private late = new Set<Member>();
  private opened: Promise<void> | null = null;
  private watch: FeedWatch | null = null;
  /** The head that all members have taken. */
  private taken: Pick<FeedState, 'epoch' | 'head'> = { epoch: '', head: 0 };
  private taking = false;
  private failures = 0;
  private retry: NodeJS.Timeout | null = null;
  private closed = false;

  constructor(
    private readonly key: FeedKey,
    private readonly live: LiveFeeds,
    private readonly reader: Pick<FeedReader, 'open'>,
    private readonly taker: AudienceTaker,
    private readonly spreadMs: number,
    private readonly onClosed: () => void,
  ) {}

  /** @throws {LogUnavailableError} if this is the first member and the database is unavailable. */
  join(member: Member): Promise<void> {
    this.members.add(member);
    return (this.opened ??= this.open());
  }

  leave(member: Member): void {
    this.members.delete(member);
    this.late.delete(member);
    if (this.members.size > 0 || this.closed) return;
    this.closed = true;
    clearTimeout(this.retry ?? undefined);
    this.watch?.close();
    this.onClosed();
  }

  takeLater(member: Member): void {
    if (!this.members.has(member)) return;
    this.late.add(member);
    this.retryLater();
  }

  private async open(): Promise<void> {
    const watch = await this.live.watch(this.key, () => this.changed());
    if (this.closed) return watch.close();
    this.watch = watch;
    // The row that it makes, and its id, are needed for the check of heads.
    const state = await this.reader.open(this.key);
    watch.observe(state);
    this.taken = state;
  }

  private changed(): void {
    // While the database is unavailable, the backoff decides; a locked feed does not hold up the others.
    if (this.taking || this.closed || (this.retry && this.failures > 0)) return;
    if (this.watch?.behind(this.taken.epoch, this.taken.head)) void this.take();
  }

  private async take(): Promise<void> {
    this.taking = true;
    try {
      await this.takeLate();
      while (!this.closed && this.watch!.behind(this.taken.epoch, this.taken.head)) {
        const state = await this.reader.open(this.key);
        this.watch!.observe(state);
        if (state.epoch !== this.taken.epoch || state.head !== this.taken.head)
          await this.takeAll([...this.members]);
        this.taken = state;
      }
      this.failures = 0;
      WatchedAudience.outage.end();
    } catch (error) {
      this.failures += 1;
      WatchedAudience.outage.begin(error);
      this.retryLater();
    } finally {
      this.taking = false;
    }
    if (this.late.size > 0) this.retryLater();
  }

  private async takeLate(): Promise<void> {
    const late = [...this.late];
    this.late = new Set();
    try {
      await this.takeAll(late);
    } catch (error) {
      for (const member of late) if (this.members.has(member)) this.late.add(member);
      throw error;
    }
  }

  private async takeAll(members: readonly Member[]): Promise<void> {
    const pauseMs = (this.spreadMs * BATCH) / members.length;
    for (let start = 0; start < members.length && !this.closed; start += BATCH) {
      const startedAt = performance.now();
      const batch = members.slice(start, start + BATCH).filter((member) => this.members.has(member));
      await Promise.all(
        batch.map(async (member) => {
          if (!(await this.taker.take(member)) && this.members.has(member)) this.late.add(member);
        }),
      );
      const left = pauseMs - (performance.now() - startedAt);
      if (start + BATCH < members.length && left > 0) await sleep(left, undefined, { ref: false });
    }
  }

  private retryLater(): void {
    if (this.closed || this.retry) return;
    this.retry = setTimeout(
      () => {
        this.retry = null;
        if (!this.taking) void this.take();
      },
      backoffMs(Math.max(1, this.failures), { firstMs: 250, longestMs: 7_500 }),
    ).unref();
  }
}
