import { randomUUID } from 'node:crypto';
import { filter, firstValueFrom, mergeMap, timeout, TimeoutError } from 'rxjs';
import type { TidingsOptions } from '../contract/options.js';
import type { Eraser } from '../contract/ports/erase.js';
import type { Producer } from '../contract/ports/produce.js';
import type { Frame, Streams } from '../contract/ports/stream.js';
import { ERASER, PRODUCER, STREAMS } from '../contract/tokens.js';
import { follow } from './tail.js';
import { withModule } from './with-module.js';

const ARRIVES_MS = 15_000;
const TYPE = 'announcement';

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
            await publish(app.get<Producer>(PRODUCER), feed.recipient);
            return frame;
          }),
          filter(({ type }: Frame) => type === TYPE || type === 'feed.closing'),
          timeout(ARRIVES_MS),
        ),
      );
      const { type } = await arrival.catch((error: unknown) => {
        if (!(error instanceof TimeoutError)) throw error;
        throw new Error(
          opened
            ? `its job was not done within ${ARRIVES_MS / 1_000} s: does a worker run, on this queue and this database?`
            : 'its stream did not begin: the live bus does not answer',
        );
      });
      if (type === 'feed.closing') throw new Error('its stream was refused');
      return `arrived after ${Math.round(performance.now() - began)} ms`;
    } finally {
      await app.get<Eraser>(ERASER, { strict: false }).eraseRecipient(feed);
    }
  });
}

/** What is looked through. */
export interface Proxy {
  /** Of the application, such as `https://app.example.com`, or of its stream. */
  readonly url: string;
  /** A JWT, whose recipient gets the canary and has it taken back. */
  readonly token: string;
  /** How long the stream is left idle. */
  readonly idleMs: number;
}

/** The same through a proxy. Says what the proxy does to the stream. */
export async function canaryThroughProxy(
  options: TidingsOptions,
  { url, token, idleMs }: Proxy,
): Promise<string> {
  const recipient = recipientOf(token);
  const stream = new URL(url);
  if (!stream.pathname.endsWith('/stream'))
    stream.pathname = `${stream.pathname.replace(/\/$/, '')}/v1/stream`;
  const abort = new AbortController();
  const giveUp = setTimeout(() => abort.abort(), 10_000);
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'text/event-stream',
    'accept-encoding': 'gzip',
  };
  const response = await fetch(stream, { headers, signal: abort.signal }).catch((error: unknown) => {
    if (!abort.signal.aborted)
      throw new Error(`it cannot be reached: ${String((error as Error).cause ?? error)}`);
    throw new Error(
      'buffering: no head of the answer within 10 s (nginx: proxy_buffering off, or let X-Accel-Buffering through)',
    );
  });
  clearTimeout(giveUp);
  try {
    if (response.status !== 200)
      throw new Error(`status ${response.status}: ${(await response.text()).slice(0, 200)}`);
    const encoding = response.headers.get('content-encoding');
    if (encoding && encoding !== 'identity') {
      throw new Error(
        `compression: the stream is sent with ${encoding}, which holds frames back; leave text/event-stream out of it`,
      );
    }
    const reader = new Reader(response.body!);
    if (!(await reader.until('feed.ready', 5_000))) {
      throw new Error(
        'buffering: the head came, but no frame within 5 s (nginx: proxy_buffering off; no gzip for text/event-stream)',
      );
    }
    const idled = await reader.until('\0', idleMs);
    if (idled === null) {
      throw new Error(
        `idle cut: the stream ended within ${idleMs / 1_000} s; raise the proxy's idle limit, or lower heartbeatMs`,
      );
    }
    const mark = randomUUID();
    await withModule(options, (app) => publish(app.get<Producer>(PRODUCER), recipient, mark));
    if (!(await reader.until(mark, ARRIVES_MS))) {
      throw new Error('buffering: the canary did not arrive, though it does without the proxy');
    }
    return `arrived, after ${idleMs / 1_000} s idle`;
  } finally {
    abort.abort();
  }
}

async function publish(producer: Producer, to: string, mark = ''): Promise<void> {
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  await producer.enqueue(TYPE, { to, data: { title: `tidings doctor ${mark}`.trim() }, expiresAt });
}

/** Reads text until something has come. */
class Reader {
  private read = '';
  private over = false;
  private wake = (): void => {};

  constructor(body: ReadableStream<Uint8Array>) {
    void this.pump(body);
  }

  /** `true` when it has come, `false` after so long, `null` if the stream ended. */
  async until(word: string, ms: number): Promise<boolean | null> {
    const deadline = Date.now() + ms;
    for (;;) {
      if (this.read.includes(word)) return true;
      if (this.over) return null;
      const left = deadline - Date.now();
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

function recipientOf(token: string): string {
  try {
    const payload = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as {
      sub?: unknown;
    };
    if (typeof payload.sub === 'string') return payload.sub;
  } catch {
    // Said below.
  }
  throw new Error('--token must be a JWT with a sub, which the deployment takes');
}
