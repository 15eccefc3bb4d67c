import type { Observable } from 'rxjs';
import { parseRequestedPosition } from '../contract/model/cursor.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { Frame, StreamOutlet, Streams } from '../contract/ports/stream.js';
import { STREAMS } from '../contract/tokens.js';
import { readOptions, text, type Flags } from './options.js';
import { say, type Print } from './print.js';
import { UsageError } from './usage.error.js';
import { withModule } from './with-module.js';

/** A terminal: it accepts everything at once. */
const TERMINAL: StreamOutlet = {
  whenWritable: (callback) => void setImmediate(callback),
  batch: (emit) => emit(),
  bytesTaken: () => 0,
  destroy: () => {},
};

/** Streams a feed from a position, beside the deployment. */
export function follow(streams: Streams, feed: FeedKey, from: string): Observable<Frame> {
  return streams.open({
    feed,
    position: parseRequestedPosition(from),
    lastEventId: from,
    expiresAt: null,
    eventName: 'type',
    outlet: TERMINAL,
  });
}

/** `tidings tail <recipient>`: prints a feed as it grows, until Ctrl-C. `--from 0` starts at the oldest kept entry. */
export async function tailCommand(
  flags: Flags,
  [recipient]: readonly string[],
  print: Print = say,
  stop: AbortSignal = untilInterrupted(),
): Promise<void> {
  if (!recipient) throw new UsageError('Whose feed? tidings tail ada');
  const feed = { tenant: text(flags, 'tenant') ?? '', recipient };
  await withModule(await readOptions(flags), async (app) => {
    const frames = follow(app.get<Streams>(STREAMS), feed, text(flags, 'from') ?? '');
    await new Promise<void>((resolve) => {
      const subscription = frames.subscribe({
        next: (frame) => {
          if (frame.data !== undefined) print(line(frame));
        },
        complete: resolve,
      });
      const end = (): void => {
        subscription.unsubscribe();
        resolve();
      };
      if (stop.aborted) end();
      else stop.addEventListener('abort', end);
    });
  });
}

function line({ type, id, data }: Frame): string {
  const { title, createdAt } = JSON.parse(data!) as { title?: string; createdAt?: string };
  return [createdAt, id, type, title ?? data].filter(Boolean).join('  ');
}

function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
