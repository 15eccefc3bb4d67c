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

/** How long a canary may take. */
export const ARRIVES_MS = 15_000;

/** A job, a worker of the deployment, the log, the bus, a stream: with a recipient that is erased afterwards. */
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
            ? `no worker did its job within ${ARRIVES_MS / 1_000} s: does one run, on this queue and this database, and of a version that knows ${CANARY.name}?`
            : 'its stream did not begin: the live bus does not answer',
        );
      });
      if (type === 'feed.closing') throw new Error('its stream was refused');
      return `arrived after ${Math.round(performance.now() - began)} ms`;
    } finally {
      // With its job, if that still waits for a worker.
      await app.get<Eraser>(ERASER, { strict: false }).eraseRecipient(feed);
    }
  });
}

/** Puts a canary on the queue. It is gone after a minute, from the feed, too. */
export async function sendCanary(
  producer: Producer,
  { tenant, recipient }: FeedKey,
  mark: string,
): Promise<void> {
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  await producer.enqueue(CANARY.name, { to: recipient, tenant, data: { mark }, expiresAt });
}
