import type { Subscription } from 'rxjs';
import { parseCursor, parseRequestedPosition } from '../../../src/contract/model/cursor.js';
import type { NotificationItem } from '../../../src/contract/model/entry.js';
import type { FeedKey } from '../../../src/contract/model/feed.js';
import type { Inbox } from '../../../src/contract/ports/inbox.js';
import type { Frame, Streams } from '../../../src/contract/ports/stream.js';
import type { StateEntry } from '../../../src/contract/model/state-entry.js';
import { numberOf } from '../../../src/browser/client/cursor.js';
import { request } from './open-inbox.js';

/** What a client knows of a notification. */
export interface ClientItem {
  readonly seq: number;
  readonly id: string;
  readonly type: string;
  readonly count: number;
  readonly replaces: readonly string[];
  read: boolean;
  archived: boolean;
  acted: string | null;
}

/** An outlet that always has room. */
const OUTLET = {
  whenWritable: (callback: () => void): void => void setImmediate(callback),
  batch: (emit: () => void): void => emit(),
  bytesTaken: (): number => 0,
  destroy: (): void => {},
};

/**
 * A client as docs/protocol.md describes one: it reads its pages once, follows the stream, and comes back with the last id. It has no knowledge
 * of the server but what pages and frames say.
 */
export class FeedClient {
  private readonly items = new Map<string, ClientItem>();
  lastEventId = '';
  unread = 0;
  unseen = 0;
  resets = 0;
  /** The counts that were told last are those of this place: a notification up to there does not count again. */
  private countsAt = 0;
  private subscription: Subscription | null = null;
  private onReady = (): void => {};

  constructor(
    private readonly feed: FeedKey,
    private readonly inbox: Inbox,
    private readonly fault: (problem: string) => void,
  ) {}

  get connected(): boolean {
    return this.subscription !== null;
  }

  get seq(): number {
    return parseCursor(this.lastEventId)?.seq ?? 0;
  }

  /** Oldest first. */
  get list(): ClientItem[] {
    return [...this.items.values()].sort((a, b) => a.seq - b.seq);
  }

  /** Resolves at `feed.ready`. */
  async connect(streams: Streams): Promise<void> {
    if (this.lastEventId === '') await this.load();
    const ready = new Promise<void>((resolve) => (this.onReady = resolve));
    this.subscription = streams
      .open({
        feed: this.feed,
        position: parseRequestedPosition(this.lastEventId),
        lastEventId: this.lastEventId,
        expiresAt: null,
        eventName: 'type',
        outlet: OUTLET,
      })
      .subscribe({ next: (frame) => this.take(frame), error: () => this.fault('the stream failed') });
    await ready;
  }

  disconnect(): void {
    this.subscription?.unsubscribe();
    this.subscription = null;
  }

  private async load(): Promise<void> {
    const page = await this.inbox.page(this.feed, request({ limit: 100 }));
    // Of a later moment, maybe: then the frames between the two say nothing new of these.
    const archived = await this.inbox.page(this.feed, request({ limit: 100, archived: true }));
    this.items.clear();
    for (const [text, isArchived] of [
      ...page.items.map((item) => [item, false] as const),
      ...archived.items.map((item) => [item, true] as const),
    ]) {
      const item = itemOf(JSON.parse(text) as NotificationItem);
      this.items.set(item.id, { ...item, archived: isArchived });
    }
    this.lastEventId = page.cursor;
    this.setCounts(page, page.cursor);
  }

  private take({ id, type, data }: Frame): void {
    if (id === undefined) return;
    const former = parseCursor(this.lastEventId);
    const { epoch, seq } = parseCursor(id)!;
    if (type === 'feed.ready') {
      const { head, ...counts } = JSON.parse(data!) as { head: string; unread: number; unseen: number };
      this.setCounts(counts, head);
      return this.onReady();
    }
    if (type === 'feed.reset') return this.reset(id);
    if (former && (former.epoch !== epoch || seq <= former.seq))
      this.fault(`${id} after ${this.lastEventId}`);
    this.lastEventId = id;
    if (data === undefined) return;
    if ((JSON.parse(data) as { type: string }).type !== type) this.fault(`an event ${type} with ${data}`);
    if (type!.startsWith('feed.')) this.change(JSON.parse(data) as StateEntry, id);
    else this.add(JSON.parse(data) as NotificationItem, seq);
  }

  /** The stream goes on with all that is kept, from the oldest entry on. */
  private reset(id: string): void {
    this.resets += 1;
    this.lastEventId = id;
    this.items.clear();
  }

  private add(notification: NotificationItem, seq: number): void {
    const item = itemOf(notification);
    if (item.seq !== seq) this.fault(`the notification ${JSON.stringify(item)} at ${seq}`);
    if (seq > this.countsAt) {
      const known = item.replaces
        .map((id) => this.items.get(id))
        .filter((each) => each !== undefined && !each.read && !each.archived) as ClientItem[];
      // Passed over, because they were replaced by then: the counts have them if they were there at their moment.
      const countedSeqs = item.replaces
        .filter((id) => !this.items.has(id))
        .map(numberOf)
        .filter((number) => number <= this.countsAt);
      const unseen = known.filter((each) => this.isUnseen(each)).length;
      this.unread += (item.read ? 0 : 1) - known.length - countedSeqs.length;
      this.unseen +=
        (item.read ? 0 : 1) - unseen - countedSeqs.filter((one) => this.isUnseenAt(one, countedSeqs)).length;
    }
    for (const id of item.replaces) this.items.delete(id);
    this.items.set(item.id, item);
  }

  /** The same for one that was passed over. */
  private isUnseenAt(seq: number, passedOver: readonly number[]): boolean {
    const newer = this.list.filter((each) => !each.read && !each.archived && each.seq > seq).length;
    return newer + passedOver.filter((each) => each > seq).length < this.unseen;
  }

  /** The unseen ones are the newest of the unread ones. */
  private isUnseen(item: ClientItem): boolean {
    const unread = this.list.filter(({ read, archived }) => !read && !archived).reverse();
    return unread.indexOf(item) < this.unseen;
  }

  private change(entry: StateEntry, id: string): void {
    const place = 'upTo' in entry ? parseCursor(entry.upTo)!.seq : 0;
    const isMeant = (item: ClientItem): boolean =>
      'ids' in entry ? entry.ids.includes(item.id) : item.seq <= place;
    for (const item of [...this.items.values()].filter(isMeant)) {
      if (entry.type === 'feed.removed' || entry.type === 'feed.snoozed') this.items.delete(item.id);
      else if (entry.type === 'feed.acted') Object.assign(item, { read: true, acted: entry.action });
      else if (entry.type === 'feed.read' || entry.type === 'feed.unread')
        item.read = entry.type === 'feed.read';
      else if (entry.type !== 'feed.seen') item.archived = entry.type === 'feed.archived';
    }
    const cursor = ('asOf' in entry && entry.asOf) || id;
    // Those of its place that are known may be newer: the retention makes no entry.
    if (parseCursor(cursor)!.seq > this.countsAt) this.setCounts(entry, cursor);
  }

  private setCounts({ unread, unseen }: { unread: number; unseen: number }, cursor: string): void {
    const { seq } = parseCursor(cursor)!;
    if (seq < this.countsAt) return;
    this.countsAt = seq;
    this.unread = unread;
    this.unseen = unseen;
  }
}

function itemOf({ id, type, cursor, count, replaces, readAt, acted }: NotificationItem): ClientItem {
  const { seq } = parseCursor(cursor)!;
  const read = readAt !== null;
  return { seq, id, type, count, replaces, read, archived: false, acted: acted?.action ?? null };
}
