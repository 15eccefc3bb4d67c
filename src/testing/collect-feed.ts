import type { INestApplicationContext } from '@nestjs/common';
import { filter, map, takeUntil, timer, toArray, firstValueFrom, take } from 'rxjs';
import { parseRequestedPosition } from '../contract/model/cursor.js';
import type { NotificationItem } from '../contract/model/entry.js';
import type { Streams } from '../contract/ports/stream.js';
import { STREAMS } from '../contract/tokens.js';

/** The limits of {@link collectFeed}. */
export interface CollectOptions {
  /** The number of notifications to wait for. */
  readonly count: number;
  /** The longest wait. Default 5,000. */
  readonly timeoutMs?: number;
  /** Default `''`. */
  readonly tenant?: string;
  /** Only notifications after this cursor. Default: from the oldest kept entry. */
  readonly after?: string;
}

/**
 * The notifications of a feed as its recipient gets them on a stream, oldest first: existing ones, and new
 * ones until there are `count`.
 *
 * @param app Any application or testing module that imports `TidingsModule`, with a worker in it or
 * elsewhere.
 * @throws if fewer arrive in time; the message lists them.
 */
export async function collectFeed(
  app: Pick<INestApplicationContext, 'get'>,
  recipient: string,
  { count, timeoutMs = 5_000, tenant = '', after = '0' }: CollectOptions,
): Promise<NotificationItem[]> {
  const frames = app.get<Streams>(STREAMS, { strict: false }).open({
    feed: { tenant, recipient },
    position: parseRequestedPosition(after),
    lastEventId: after,
    expiresAt: null,
    eventName: 'type',
    outlet: {
      whenWritable: (callback) => void setImmediate(callback),
      batch: (emit) => emit(),
      bytesTaken: () => 0,
      destroy: () => {},
    },
  });
  const items = await firstValueFrom(
    frames.pipe(
      filter(({ type, data }) => data !== undefined && !type?.startsWith('feed.')),
      map(({ data }) => JSON.parse(data!) as NotificationItem),
      take(count),
      takeUntil(timer(timeoutMs)),
      toArray(),
    ),
  );
  if (items.length >= count) return items;
  const came = items.map(({ type, title }) => `${type} ${JSON.stringify(title)}`).join(', ') || 'nothing';
  throw new Error(`After ${timeoutMs} ms the feed of ${recipient} has ${items.length} of ${count}: ${came}.`);
}
