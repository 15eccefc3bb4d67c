import { once } from 'node:events';
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import type { IncomingMessage } from 'node:http';
import { SseClient } from './sse-client.js';

/** One connection over TLS that carries any number of streams, as a browser's. */
export class Http2Client {
  private constructor(private readonly session: ClientHttp2Session) {}

  static async connect(origin: string, ca: string): Promise<Http2Client> {
    const session = connect(origin, { ca });
    session.on('error', () => {});
    await once(session, 'connect');
    if (session.alpnProtocol !== 'h2') throw new Error(`${origin} speaks ${session.alpnProtocol}, not h2`);
    return new Http2Client(session);
  }

  /** Opens a stream; resolves when the head of the answer is here. */
  async open(path: string, headers: Record<string, string>): Promise<SseClient> {
    const stream = this.session.request({ ':path': path, accept: 'text/event-stream', ...headers });
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }];
    // What the client looks at of an answer over HTTP/1.1.
    const response = Object.defineProperty(
      Object.assign(stream, { statusCode: head[':status'], headers: head }),
      'complete',
      { get: () => stream.readableEnded && stream.rstCode === 0 },
    );
    return new SseClient(response as unknown as IncomingMessage, () => stream.close());
  }

  /** Breaks it off with all its streams, as a laptop that goes out of reach does not: the proxy sees the end. */
  async close(): Promise<void> {
    if (this.session.destroyed) return;
    const closed = once(this.session, 'close');
    this.session.destroy();
    await closed;
  }
}
