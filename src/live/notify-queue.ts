import type { FeedKey } from '../contract/model/feed.js';
import type { Announcement } from '../contract/ports/live.js';
import type { Metrics } from '../contract/ports/metrics.js';
import { feedHash } from './channel.js';
import { DISCONNECT, encodeMessage } from './message.js';
import { outsideOfCalls } from '../platform/call-context.js';
import type { Outage } from '../platform/logging/outage.js';
import { settlesWithin } from '../platform/time/with-timeout.js';
import { MAX_PAYLOAD_BYTES, pack } from './payload.js';

/** Encoded messages that may wait for the statement before them; later ones wait as a head only. */
const MAX_WAITING_BYTES = 2 * 1024 * 1024;
/** Feeds whose head may wait; later ones are dropped, and the check of heads finds them. */
const MAX_WAITING_HEADS = 20_000;

/**
 * The sending side of the bus on Postgres. The commit of a NOTIFY takes a lock on the whole cluster, so one statement runs
 * at a time and carries all messages that were collected during the one before:
 *
 *     idle --announce--> sending --answered, none collected--> idle
 *                        sending --answered, more collected--> sending
 *
 * It is a transaction of its own, never the append's, which would hold that lock while it waits for the disk.
 */
export class NotifyQueue {
  private messages: string[] = [];
  private bytes = 0;
  private heads = new Map<string, Announcement>();
  private sending: Promise<void> | null = null;

  constructor(
    private readonly notify: (payloads: readonly string[]) => Promise<unknown>,
    private readonly outage: Outage,
    private readonly metrics: Metrics,
  ) {}

  announce(announcements: readonly Announcement[]): void {
    for (const announcement of announcements) {
      const hash = feedHash(announcement.feed);
      if (this.bytes < MAX_WAITING_BYTES) this.addMessage(encode(hash, announcement));
      else this.addHead(hash, announcement);
    }
    this.begin();
  }

  disconnect(feeds: readonly FeedKey[]): void {
    for (const feed of feeds) {
      // Dropped beyond that: each connection also finds by itself that its feed is gone.
      if (this.bytes < MAX_WAITING_BYTES) this.addMessage(feedHash(feed) + DISCONNECT);
      else this.metrics.busFailed();
    }
    this.begin();
  }

  /** Resolves when the waiting messages are sent or have failed, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    await settlesWithin(timeoutMs, this.sending ?? Promise.resolve());
  }

  private begin(): void {
    if (this.messages.length > 0) this.sending ??= outsideOfCalls(() => this.send());
  }

  private addMessage(message: string): void {
    this.messages.push(message);
    this.bytes += Buffer.byteLength(message);
  }

  private addHead(hash: string, announcement: Announcement): void {
    const waiting = this.heads.get(hash);
    // Numbers of two epochs do not compare: the later announcement replaces the earlier one.
    if (waiting?.epoch === announcement.epoch && waiting.seq >= announcement.seq) return;
    if (waiting === undefined && this.heads.size >= MAX_WAITING_HEADS) this.metrics.busFailed();
    else this.heads.set(hash, { ...announcement, entry: null });
  }

  private async send(): Promise<void> {
    // In the next turn of the event loop: the jobs of one committed batch announce one by one.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.messages.length > 0) {
      const messages = this.take();
      try {
        await this.notify(pack(messages));
        for (let sent = messages.length; sent > 0; sent--) this.metrics.busMessage('sent');
        this.outage.end();
      } catch (error) {
        // Not retried: when the database is back, the check of heads finds the entries.
        for (let failed = messages.length; failed > 0; failed--) this.metrics.busFailed();
        this.outage.begin(error);
      }
    }
    this.sending = null;
  }

  private take(): string[] {
    const taken = this.messages;
    for (const [hash, head] of this.heads) taken.push(encode(hash, head));
    this.messages = [];
    this.bytes = 0;
    this.heads = new Map();
    return taken;
  }
}

function encode(hash: string, announcement: Announcement): string {
  const message = hash + encodeMessage(announcement, MAX_PAYLOAD_BYTES);
  if (Buffer.byteLength(message) <= MAX_PAYLOAD_BYTES) return message;
  return hash + encodeMessage({ ...announcement, entry: null }, 0);
}
