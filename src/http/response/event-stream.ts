import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Logger } from '@nestjs/common';
import type { Observable } from 'rxjs';
import type { Frame } from '../../contract/ports/stream.js';
import { rawResponse, type HttpResponse } from '../request/http-request.js';
import { printable } from '../../platform/logging/printable.js';

/** Forbids proxies to store, change or buffer a stream. Compression middleware respects `no-transform`, too. */
const HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'private, no-cache, no-store, must-revalidate, max-age=0, no-transform',
  Pragma: 'no-cache',
  Expires: '0',
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
 * Resolves when it has begun.
 */
export async function answerWithEvents(response: HttpResponse, frames: Observable<Frame>): Promise<void> {
  const raw = rawResponse(response);
  // The client may have left while its credential was checked.
  if (raw.closed || raw.destroyed || raw.writableEnded) return;
  let begun = false;
  let text = '';
  // One write for the frames of a turn: each write costs a system call and a chunk of HTTP, which is more than a frame costs.
  const flush = (): void => {
    if (text !== '') raw.write(text);
    text = '';
  };
  const send = (more: string): void => {
    if (text === '') queueMicrotask(flush);
    text += more;
  };
  const begin = (): void => {
    if (begun) return;
    begun = true;
    takeOver(response);
    const { req } = raw;
    // In HTTP/2 the socket is shared by all streams of the connection.
    if (req.httpVersionMajor < 2) {
      req.socket.setKeepAlive(true).setNoDelay(true).setTimeout(0);
    }
    // Express keeps the rest of its handlers here; a stream would hold them for hours.
    if ('next' in req) req.next = undefined;
    raw.writeHead(200, HEADERS);
    // Immediately: a proxy's idle limit and an EventSource's `open` wait for the first byte.
    send('\n');
  };
  await new Promise<void>((resolve, reject) => {
    let failed = false;
    const subscription = frames.subscribe({
      next: (frame) => {
        begin();
        send(encodeFrame(frame));
      },
      error: (error: unknown) => {
        failed = true;
        if (!begun) return reject(error instanceof Error ? error : new Error(String(error)));
        new Logger('TidingsHttp').error(`A stream failed: ${printable(String(error), 1_000)}`);
        raw.destroy();
      },
      complete: () => {
        begin();
        flush();
        raw.end();
      },
    });
    if (failed) return;
    raw.once('close', () => subscription.unsubscribe());
    begin();
    resolve();
  });
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
