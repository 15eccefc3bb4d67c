import { randomUUID } from 'node:crypto';
import { filter, firstValueFrom, timeout } from 'rxjs';
import { parseCursor } from '../contract/model/cursor.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { TidingsOptions } from '../contract/options/options.js';
import type { Producer } from '../contract/ports/produce.js';
import type { Streams } from '../contract/ports/stream.js';
import { PRODUCER, STREAMS } from '../contract/tokens.js';
import { ARRIVES_MS, sendCanary } from './canary.js';
import type { Proxy } from './proxy.js';
import { follow } from './tail.js';
import { withModule } from './with-module.js';

const READY = /"type":"feed\.(?:ready","cursor|closing","reason)":"([^"]*)"/;

/** Sends a canary through a proxy, and names the faults of the proxy. */
export async function canaryThroughProxy(
  options: TidingsOptions,
  { stream, headers, feed, idleMs }: Proxy,
): Promise<string> {
  const abort = new AbortController();
  const giveUp = setTimeout(() => abort.abort(), 10_000);
  const response = await fetch(stream, {
    headers: { accept: 'text/event-stream', 'accept-encoding': 'gzip', ...headers },
    // A redirect to a sign-in page would look like a stream without frames.
    redirect: 'manual',
    signal: abort.signal,
  })
    .catch((error: unknown) => {
      if (!abort.signal.aborted)
        throw new Error(`it cannot be reached: ${String((error as Error).cause ?? error)}`);
      throw new Error(
        'buffering: no response headers within 10 s (nginx: proxy_buffering off, or let X-Accel-Buffering through)',
      );
    })
    .finally(() => clearTimeout(giveUp));
  try {
    if (response.status !== 200) {
      throw new Error(`status ${response.status}: ${(await response.text()).slice(0, 200)}`);
    }
    const encoding = response.headers.get('content-encoding');
    if (encoding && encoding !== 'identity') {
      throw new Error(
        `compression: the stream is sent with ${encoding}, which holds frames back; leave text/event-stream out of it`,
      );
    }
    const reader = new Reader(response.body!);
    const began = await reader.until(READY, 5_000);
    if (!began) {
      throw new Error(
        'buffering: headers arrived, but no frame within 5 s (nginx: proxy_buffering off; no gzip for text/event-stream)',
      );
    }
    const epoch = parseCursor(began[1]!)?.epoch;
    if (epoch === undefined) throw new Error(`the stream was refused: ${began[1]}`);
    if ((await reader.until(null, idleMs)) === null) {
      throw new Error(
        `idle cut: the stream ended within ${idleMs / 1_000} s; raise the proxy's idle limit, or lower heartbeatMs`,
      );
    }
    const mark = randomUUID();
    await withModule(options, async (app) => {
      if ((await epochOf(app.get<Streams>(STREAMS), feed)) !== epoch) {
        const { tenant, recipient } = feed;
        throw new Error(
          `the stream is not the feed of ${JSON.stringify(recipient)} of the tenant ${JSON.stringify(tenant)} in this database: ` +
            'name the recipient with --recipient, --tenant or --tenant-claim',
        );
      }
      await sendCanary(app.get<Producer>(PRODUCER), feed, mark);
    });
    if (!(await reader.until(new RegExp(mark), ARRIVES_MS))) {
      throw new Error('buffering: the canary did not arrive, although it does without the proxy');
    }
    return `arrived, after ${idleMs / 1_000} s idle`;
  } finally {
    abort.abort();
  }
}

/** The feed's epoch in this database. */
async function epochOf(streams: Streams, feed: FeedKey): Promise<string | undefined> {
  const ready = follow(streams, feed, '').pipe(
    filter(({ type }) => type === 'feed.ready'),
    timeout(ARRIVES_MS),
  );
  return parseCursor((await firstValueFrom(ready)).id ?? '')?.epoch;
}

/** Reads a response until a pattern matches. */
class Reader {
  private read = '';
  private over = false;
  private wake = (): void => {};

  constructor(body: ReadableStream<Uint8Array>) {
    void this.pump(body);
  }

  /** The match, `false` after the timeout, `null` if the stream ended. Without a pattern it only waits. */
  async until(words: RegExp | null, ms: number): Promise<RegExpExecArray | false | null> {
    const deadline = performance.now() + ms;
    for (;;) {
      const found = words?.exec(this.read);
      if (found) return found;
      if (this.over) return null;
      const left = deadline - performance.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  private async pump(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    try {
      for await (const chunk of body) {
        this.read = (this.read + decoder.decode(chunk, { stream: true })).slice(-100_000);
        this.wake();
      }
    } catch {
      // Cut off, by the proxy or by us.
    }
    this.over = true;
    this.wake();
  }
}
