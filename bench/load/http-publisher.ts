import { connect, type Socket } from 'node:net';

/** Where to publish over HTTP. */
export interface PublishPlan {
  /** Connections take turns among them. */
  readonly ports: readonly number[];
  /** The head of the request up to Content-Length, which is added. */
  readonly head: string;
  /** The body for one job: JSON in ASCII, with `$to` and `$task` for the recipient and the number. */
  readonly body: string;
}

/** The `to` of a notification. */
export type Recipients = string | readonly string[] | { readonly audience: string };

const CONTENT_LENGTH = /\r\ncontent-length: (\d+)/i;

/** Publishes over connections that are kept, one request at a time on each. */
export class HttpPublisher {
  private readonly idle = new Set<Socket>();
  private readonly waiting: string[] = [];
  private readonly sockets = new Set<Socket>();
  private failure: Error | null = null;
  private opened = 0;
  /** Called when a request was answered. */
  onAnswer: () => void = () => {};

  constructor(
    private readonly plan: PublishPlan,
    private readonly maxConnections: number,
  ) {}

  get failed(): boolean {
    return this.failure !== null;
  }

  publish(to: Recipients, task: number): void {
    const body = this.plan.body.replace('"$to"', JSON.stringify(to)).replace('$task', String(task));
    const request = `${this.plan.head}Content-Length: ${body.length}\r\n\r\n${body}`;
    // The one that came first: none is idle for so long that the server closes it.
    const [socket] = this.idle;
    if (socket && this.opened >= this.plan.ports.length) {
      this.idle.delete(socket);
      socket.write(request, 'latin1');
    } else if (this.sockets.size < this.maxConnections) this.open(request);
    else this.waiting.push(request);
  }

  /** @throws the first thing that went wrong. */
  close(): void {
    for (const socket of this.sockets) socket.destroy();
    if (this.failure) throw this.failure;
  }

  private open(request: string): void {
    const { ports } = this.plan;
    const port = ports[this.opened++ % ports.length]!;
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    this.sockets.add(socket);
    socket.write(request, 'latin1');
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      text += String(chunk);
      const head = text.indexOf('\r\n\r\n');
      if (head === -1) return;
      const length = Number(CONTENT_LENGTH.exec(text)?.[1] ?? 0);
      if (text.length < head + 4 + length) return;
      if (!text.startsWith('HTTP/1.1 2')) this.failure ??= new Error(`Publishing was answered ${text}`);
      text = '';
      this.next(socket);
    });
    socket.on('error', (error) => {
      this.failure ??= error;
      this.onAnswer();
    });
    socket.on('close', () => {
      this.idle.delete(socket);
      this.sockets.delete(socket);
    });
  }

  private next(socket: Socket): void {
    const request = this.waiting.shift();
    if (request === undefined) this.idle.add(socket);
    else socket.write(request, 'latin1');
    this.onAnswer();
  }
}
