import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import type { Observable, Observer } from 'rxjs';
import type { Frame } from '../../contract/ports/stream.js';
import { rawResponse, type HttpResponse } from '../request/http-request.js';
import { printable } from '../../platform/logging/printable.js';

/** Forbids proxies to store, change or buffer a stream. Compression middleware respects `no-transform`, too. */
const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'private, no-cache, no-store, must-revalidate, max-age=0, no-transform',
  // nginx
  'X-Accel-Buffering': 'no',
};

/**
 * Answers with an event stream, as Nest does behind `@Sse()`, with two differences: no interceptor of a host sees the frames, and the frames of a
 * turn are written at its end, together.
 *
 *     subscribed --error at once--> rejected, for the exception filters
 *     subscribed --otherwise--> begun --complete--> ended
 *                          begun --the client leaves--> unsubscribed
 *
 * Returns when it has begun.
 *
 * @throws what the Observable fails with before its first frame.
 */
export function answerWithEvents(response: HttpResponse, frames: Observable<Frame>): void {
  const raw = rawResponse(response);
  // The client may have left while its credential was checked.
  if (raw.closed || raw.destroyed || raw.writableEnded) return;
  const writer = new FrameWriter(response);
  const subscription = frames.subscribe(writer);
  const { failure } = writer;
  if (failure) {
    if (failure.begun) return;
    throw failure.error;
  }
  raw.once('close', () => subscription.unsubscribe());
  writer.begin();
}

/** Writes frames to a response. */
class FrameWriter implements Observer<Frame> {
  failure: { readonly error: unknown; readonly begun: boolean } | null = null;
  readonly #raw: ServerResponse;
  #begun = false;
  /** Of this turn, not written yet. */
  #text = '';
  /** The socket, until the head and the first frames are written. */
  #corked: Socket | null = null;

  constructor(private readonly response: HttpResponse) {
    this.#raw = rawResponse(response);
  }

  next(frame: Frame): void {
    this.begin();
    this.#write(encodeFrame(frame));
  }

  error(error: unknown): void {
    this.failure = { error, begun: this.#begun };
    if (!this.#begun) return;
    new Logger('TidingsHttp').error(`A stream failed: ${printable(String(error), 1_000)}`);
    this.#raw.destroy();
  }

  complete(): void {
    this.begin();
    this.#flush();
    this.#raw.end();
  }

  /** Sends the head, unless that is done. */
  begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    takeOver(this.response);
    const { req } = this.#raw;
    // Express keeps the rest of its handlers here; a stream would hold them for hours.
    if ('next' in req) req.next = undefined;
    // In HTTP/2 the socket is shared by all streams of the connection.
    if (req.httpVersionMajor < 2) {
      req.socket.setKeepAlive(true).setNoDelay(true).setTimeout(0);
      this.#corked = req.socket;
      req.socket.cork();
    }
    this.#raw.writeHead(200, HEADERS);
    // Node keeps the head for as long as the response, in some seventy pieces until it is written by itself: 2 KiB of each stream.
    this.#raw.flushHeaders();
    // Immediately: a proxy's idle limit and an EventSource's `open` wait for the first byte.
    this.#write('\n');
  }

  /** One write for the frames of a turn: each write costs a system call and a chunk of HTTP, which is more than a frame costs. */
  #write(text: string): void {
    if (this.#text === '') process.nextTick(() => this.#flush());
    this.#text += text;
  }

  #flush(): void {
    if (this.#text !== '' && !this.#raw.destroyed) this.#raw.write(this.#text);
    this.#text = '';
    this.#corked?.uncork();
    this.#corked = null;
  }
}

/** Keeps Fastify from answering when the handler returns; headers that were set on its reply (CORS) are copied. */
function takeOver(response: HttpResponse): void {
  if (!('raw' in response)) return;
  const reply = response as FastifyReply;
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value);
  }
  reply.hijack();
}

interface FastifyReply {
  readonly raw: ServerResponse;
  hijack(): void;
  getHeaders(): OutgoingHttpHeaders;
}

/** A frame in the format of the standard. A line break in a value cannot begin another field. */
function encodeFrame({ type, id, retry, comment, data }: Frame): string {
  let text = '';
  if (type !== undefined) text += `event: ${oneLine(type)}\n`;
  if (id !== undefined) text += `id: ${oneLine(id)}\n`;
  if (retry !== undefined) text += `retry: ${retry}\n`;
  if (comment !== undefined) text += lines(': ', comment);
  if (data !== undefined) text += lines('data: ', data);
  return `${text}\n`;
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]/g, '');
}

function lines(prefix: string, text: string): string {
  if (!/[\r\n]/.test(text)) return `${prefix}${text}\n`;
  return text
    .split(/\r\n|\r|\n/)
    .map((line) => `${prefix}${line}\n`)
    .join('');
}
