import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { SseParser, type SseFrame } from './sse-parser.js';

export { type SseFrame } from './sse-parser.js';

/** How a stream ended: by the server in an orderly way, by a broken connection, or by us. */
export type SseEnd = 'ended' | 'broken' | 'closed-by-us';

/**
 * Opens a stream; resolves when the head of the answer is here, whatever its status.
 *
 * @throws if the connection cannot be made.
 */
export function connect(
  url: string | URL,
  options: { headers?: Record<string, string> } = {},
): Promise<SseClient> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      // No pool: every stream has a connection of its own, as one in a browser over HTTP/1.1.
      agent: false,
      headers: { accept: 'text/event-stream', ...options.headers },
    });
    outgoing.once('error', reject);
    outgoing.once('response', (response) => {
      outgoing.removeListener('error', reject);
      outgoing.on('error', () => {}); // the response's 'close' says it
      resolve(new SseClient(response, () => outgoing.destroy()));
    });
    outgoing.end();
  });
}

/** An open stream, as seen by a client that shows everything and does nothing by itself: no reconnects. */
export class SseClient {
  /** Every block received, in order. */
  readonly frames: SseFrame[] = [];
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Resolves when the stream is over. */
  readonly closed: Promise<SseEnd>;
  /** The body as it came. */
  raw = '';
  private over: SseEnd | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly response: IncomingMessage,
    private readonly destroy: () => void,
  ) {
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    const parser = new SseParser();
    response.setEncoding('utf8');
    response.on('data', (text: string) => {
      this.raw += text;
      this.frames.push(...parser.push(text));
      this.notify();
    });
    response.on('error', () => {});
    this.closed = new Promise((resolve) => {
      response.once('close', () => {
        this.over ??= response.complete ? 'ended' : 'broken';
        this.notify();
        resolve(this.over);
      });
    });
  }

  /** The blocks that an EventSource would dispatch: those with data. */
  get events(): SseFrame[] {
    return this.frames.filter(({ data }) => data !== null);
  }

  /**
   * The first block, among those received and those to come, that fits.
   *
   * @throws when the time (default 20,000 ms) is up or the stream is over, with what was received instead.
   */
  async waitFor(
    predicate: (frame: SseFrame) => boolean,
    options: { timeoutMs?: number } = {},
  ): Promise<SseFrame> {
    const found = (): SseFrame | undefined => this.frames.find(predicate);
    await this.until(() => found() !== undefined, `no frame fits ${predicate.toString()}`, options.timeoutMs);
    return found()!;
  }

  /** The first `count` blocks with data, as soon as there are so many. */
  async waitForEvents(count: number, options: { timeoutMs?: number } = {}): Promise<SseFrame[]> {
    await this.until(() => this.events.length >= count, `fewer than ${count} events`, options.timeoutMs);
    return this.events.slice(0, count);
  }

  /** Stops reading, so that the server's writes pile up in the sockets' buffers. */
  pause(): void {
    this.response.pause();
  }

  resume(): void {
    this.response.resume();
  }

  /** Breaks the connection off, as a browser that goes away. */
  async close(): Promise<void> {
    this.over ??= 'closed-by-us';
    this.destroy();
    await this.closed;
  }

  private until(done: () => boolean, problem: string, timeoutMs = 20_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const finish = (error?: Error): void => {
        clearTimeout(timer);
        this.listeners.delete(check);
        if (error) reject(error);
        else resolve();
      };
      const fail = (why: string): void => finish(new Error(`${why}: ${problem}. Received:\n${this.raw}`));
      const check = (): void => {
        if (done()) finish();
        else if (this.over) fail(`The stream is over (${this.over}), status ${this.status}`);
      };
      const timer = setTimeout(() => fail(`After ${timeoutMs} ms`), timeoutMs);
      this.listeners.add(check);
      check();
    });
  }

  private notify(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
