import { connect, type Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { SseParser, type SseFrame } from '../../support/sse-parser.js';

const HEAD_END = '\r\n\r\n';
const LINE_END = Buffer.from('\r\n');

/** What a stream tells of. */
export interface StreamListener {
  status(code: number): void;
  frame(frame: SseFrame): void;
  /** Once; nothing comes after it. */
  closed(): void;
}

/** Where to connect to and what to ask for. */
export interface StreamTarget {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** One stream over a bare socket, so that it can be broken off in the middle of a frame, and stop reading. */
export class StreamSocket {
  private readonly socket: Socket;
  private readonly parser = new SseParser();
  private readonly text = new StringDecoder('utf8');
  private head: string | null = '';
  /** Bytes of the present chunk of HTTP that are still to come; `null` between two chunks. */
  private left: number | null = null;
  private rest: Buffer = Buffer.alloc(0);
  private cutting: ((length: number) => number) | null = null;
  private over = false;
  heardAt = performance.now();

  constructor(
    { port, path, headers }: StreamTarget,
    private readonly listener: StreamListener,
  ) {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: proof\r\nAccept: text/event-stream\r\n${lines.join('')}\r\n`,
      'latin1',
    );
    this.socket.on('data', (chunk: Buffer) => this.read(chunk));
    this.socket.on('error', () => {});
    this.socket.on('close', () => this.end());
  }

  /** Stops reading: what the server writes piles up in the buffers between. */
  stall(): void {
    this.socket.pause();
  }

  resume(): void {
    this.heardAt = performance.now();
    this.socket.resume();
  }

  /** Breaks off at once. */
  cut(): void {
    this.socket.resetAndDestroy();
    this.end();
  }

  /** Takes a part of the next bytes, and breaks off. */
  cutInside(at: (length: number) => number): void {
    this.cutting = at;
  }

  private read(chunk: Buffer): void {
    if (this.over) return;
    this.heardAt = performance.now();
    if (this.cutting !== null) {
      this.take(chunk.subarray(0, this.cutting(chunk.length)));
      return this.cut();
    }
    this.take(chunk);
  }

  private take(chunk: Buffer): void {
    if (this.head === null) return this.body(chunk);
    this.head += chunk.toString('latin1');
    const end = this.head.indexOf(HEAD_END);
    if (end === -1) return;
    const body = Buffer.from(this.head.slice(end + HEAD_END.length), 'latin1');
    const status = Number(this.head.slice(9, 12));
    this.head = null;
    this.listener.status(status);
    this.body(body);
  }

  /** Chunked, as every answer without a length is in HTTP/1.1 (RFC 9112, section 7.1). */
  private body(bytes: Buffer): void {
    let buffer = this.rest.length > 0 ? Buffer.concat([this.rest, bytes]) : bytes;
    while (!this.over) {
      if (this.left === null) {
        const lineEnd = buffer.indexOf(LINE_END);
        if (lineEnd === -1) break;
        this.left = parseInt(buffer.toString('latin1', 0, lineEnd), 16);
        buffer = buffer.subarray(lineEnd + 2);
        if (this.left === 0) return void this.socket.end();
      } else if (this.left > 0) {
        if (buffer.length === 0) break;
        const part = buffer.subarray(0, this.left);
        this.left -= part.length;
        buffer = buffer.subarray(part.length);
        for (const frame of this.parser.push(this.text.write(part))) {
          if (!this.over) this.listener.frame(frame);
        }
      } else {
        if (buffer.length < 2) break;
        buffer = buffer.subarray(2);
        this.left = null;
      }
    }
    this.rest = buffer;
  }

  private end(): void {
    if (this.over) return;
    this.over = true;
    this.listener.closed();
  }
}
