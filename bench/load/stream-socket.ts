import { connect, type Socket } from 'node:net';

const FRAME_END = Buffer.from('\n\n');
const HEAD_END = Buffer.from('\r\n\r\n');
const ID = Buffer.from('\nid: ');
const TASK = Buffer.from('"taskId":"t');
const CLOSING = Buffer.from('event: feed.closing');

/** Read into and looked through before the next read: one for all sockets. */
const buffer = Buffer.allocUnsafeSlow(256 * 1024);

/** What a stream tells of. */
export interface StreamListener {
  ready(): void;
  /** A frame with an entry came; its job's number. */
  entry(task: number): void;
  failed(why: string): void;
}

/**
 * One stream, as bytes: looks for the ends of frames and for two marks in them, and parses nothing. Opened again it sends the id that
 * came last, as an EventSource does.
 */
export class StreamSocket {
  private socket: Socket | null = null;
  private isReady = false;
  private rest: Buffer | null = null;
  private lastId = '';

  constructor(
    private readonly port: number,
    /** The head of the request, without the empty line at its end. */
    private readonly head: string,
    private readonly readyMark: Buffer,
    /** Sent as Last-Event-ID when no frame has brought one yet. */
    private readonly firstId: string,
    private readonly listener: StreamListener,
  ) {}

  open(resume: boolean): void {
    this.isReady = false;
    this.rest = null;
    const socket = connect({
      host: '127.0.0.1',
      port: this.port,
      noDelay: true,
      onread: {
        buffer,
        callback: (length) => {
          if (this.socket === socket) this.read(buffer.subarray(0, length));
          return true;
        },
      },
    });
    this.socket = socket;
    const cursor = resume ? `Last-Event-ID: ${this.lastId || this.firstId}\r\n` : '';
    socket.write(`${this.head}${cursor}\r\n`, 'latin1');
    socket.on('error', (error) => this.fail(error.message));
    socket.on('close', () => {
      if (this.socket === socket) this.fail('the server ended a stream');
    });
  }

  close(): void {
    const { socket } = this;
    this.socket = null;
    socket?.destroy();
  }

  private read(chunk: Buffer): void {
    const data = this.rest === null ? chunk : Buffer.concat([this.rest, chunk]);
    this.rest = null;
    if (!this.isReady && !this.begin(data)) return;
    let from = 0;
    for (let end; (end = data.indexOf(FRAME_END, from)) !== -1; from = end + 2) this.frame(data, from, end);
    const id = data.lastIndexOf(ID);
    if (id !== -1 && id < from)
      this.lastId = data.toString('latin1', id + ID.length, data.indexOf(10, id + 1));
    // The end of a chunk of HTTP is all that usually stands behind the last frame.
    if (data.length - from > 2) this.rest = Buffer.from(data.subarray(from));
  }

  /** Whether the stream has begun. */
  private begin(data: Buffer): boolean {
    if (data.indexOf(HEAD_END) === -1 || data.indexOf(this.readyMark) === -1) {
      this.rest = Buffer.from(data);
      return false;
    }
    const status = data.toString('latin1', 0, 12);
    if (status !== 'HTTP/1.1 200') this.fail(`answered ${data.toString('latin1', 0, 1_000)}`);
    this.isReady = true;
    this.listener.ready();
    return true;
  }

  private frame(data: Buffer, from: number, end: number): void {
    const mark = data.indexOf(TASK, from);
    if (mark !== -1 && mark < end) {
      let task = 0;
      for (let at = mark + TASK.length; data[at] !== 0x22; at++) task = task * 10 + (data[at] ?? 0) - 0x30;
      this.listener.entry(task);
    } else if (data.subarray(from, end).includes(CLOSING)) {
      this.fail('the server said feed.closing');
    }
  }

  private fail(why: string): void {
    this.close();
    this.listener.failed(why);
  }
}
