import { randomUUID } from 'node:crypto';
import { filter, firstValueFrom, mergeMap, timeout, TimeoutError } from 'rxjs';
import type { FeedKey } from '../contract/model/feed.js';
import type { TidingsOptions } from '../contract/options/options.js';
import type { Eraser } from '../contract/ports/erase.js';
import type { Producer } from '../contract/ports/produce.js';
import type { Frame, Streams } from '../contract/ports/stream.js';
import { ERASER, PRODUCER, STREAMS } from '../contract/tokens.js';
import { CANARY } from '../types/canary.js';
import { follow } from './tail.js';
import { withModule } from './with-module.js';

/** The time limit of a canary. */
export const ARRIVES_MS = 15_000;

/** Sends a canary through queue, worker, log, bus and stream, to a recipient that is erased afterwards. */
export async function canaryThroughHouse(options: TidingsOptions): Promise<string> {
  return withModule(options, async (app) => {
    const feed = { tenant: '', recipient: `tidings-doctor-${randomUUID()}` };
    const began = performance.now();
    let opened = false;
    try {
      const arrival = firstValueFrom(
        follow(app.get<Streams>(STREAMS), feed, '').pipe(
          mergeMap(async (frame) => {
            if (frame.type !== 'feed.ready' || opened) return frame;
            opened = true;
            await sendCanary(app.get<Producer>(PRODUCER), feed, 'house');
            return frame;
          }),
          filter(({ type }: Frame) => type === CANARY.name || type === 'feed.closing'),
          timeout(ARRIVES_MS),
        ),
      );
      const { type } = await arrival.catch((error: unknown) => {
        if (!(error instanceof TimeoutError)) throw error;
        throw new Error(
          opened
            ? `no worker ran the job within ${ARRIVES_MS / 1_000} s: is one running, on this queue and this database, in a version that knows ${CANARY.name}?`
            : 'the stream did not begin: the live bus does not answer',
        );
      });
      if (type === 'feed.closing') throw new Error('the stream was refused');
      return `arrived after ${Math.round(performance.now() - began)} ms`;
    } finally {
      // Including its job, if that still waits for a worker.
      await app.get<Eraser>(ERASER, { strict: false }).eraseRecipient(feed);
    }
  });
}

/** Puts a canary on the queue. It expires after a minute. */
export async function sendCanary(
  producer: Producer,
  { tenant, recipient }: FeedKey,
  mark: string,
): Promise<void> {
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  await producer.enqueue(CANARY.name, { to: recipient, tenant, data: { mark }, expiresAt });
}
