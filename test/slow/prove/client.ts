import type { SseFrame } from '../../support/sse-parser.js';
import type { Account } from './account.js';
import type { Random } from './random.js';
import { StreamSocket } from './stream-socket.js';

/** Heartbeats come every 2 s; a busy machine may be late. */
const SILENCE_MS = 12_000;
const CONNECT_MS = 15_000;
const DELAY_MS = { least: 20, most: 400 };
/** Of what the server asks for, so that a run of minutes sees many reconnects. */
const MOST_TOLD_MS = 1_500;

/** Where clients may connect to. */
export interface Doors {
  /** Through the proxies. */
  readonly proxied: readonly number[];
  /** To the processes themselves: nothing in between that could take bytes for a client that does not. */
  readonly direct: readonly number[];
}

/**
 * A client that comes back by itself with the id that it saw last, to one of the instances:
 *
 *     away --open()--> connecting --200--> reading <--stall(), resume()--> stalled
 *                      connecting, reading, stalled --closed, cut, silent--> waiting --delay--> connecting
 *       any state --leave()--> away
 */
export class Client {
  private socket: StreamSocket | null = null;
  private timer: NodeJS.Timeout | undefined;
  private watch: NodeJS.Timeout | undefined;
  private isAway = true;
  private isStalled = false;
  private toldMs: number | null = null;
  /** Connect past the proxies from the next time on. */
  direct = false;
  /** So many times it breaks off between a `feed.ready` and the `feed.reset` that belongs to it. */
  breakOffs = 0;

  constructor(
    readonly account: Account,
    private readonly token: string,
    private readonly doors: Doors,
    private readonly random: Random,
    /** Without a cursor: from the oldest kept entry, or live from now on. */
    private readonly from: 'oldest' | 'now',
  ) {}

  /** Connected, and past the first frame. */
  get ready(): boolean {
    return this.socket !== null && this.account.ready;
  }

  /** Whether it was told to be away or not to read. */
  get idle(): boolean {
    return this.isAway || this.isStalled;
  }

  /** Comes, or comes back. */
  open(): void {
    if (!this.isAway) return;
    this.isAway = false;
    this.connect();
  }

  /** Goes away until it is opened again; it keeps its cursor. */
  leave(): void {
    this.isAway = true;
    this.isStalled = false;
    clearTimeout(this.timer);
    this.account.event('goes away');
    this.socket?.cut();
  }

  /** Breaks off; it comes back, at once if asked to. */
  cut(atOnce = false): void {
    if (atOnce) this.toldMs = 0;
    this.socket?.cut();
  }

  cutInside(): void {
    this.socket?.cutInside((length) => this.random.int(1, length - 1));
  }

  stall(): void {
    this.isStalled = true;
    this.account.event('stops reading');
    this.socket?.stall();
  }

  resume(): void {
    if (!this.isStalled) return;
    this.isStalled = false;
    this.account.event('reads again');
    this.socket?.resume();
  }

  private connect(): void {
    const { account } = this;
    const ports = this.direct ? this.doors.direct : this.doors.proxied;
    const door = this.random.int(0, ports.length - 1);
    account.connecting(`api-${door + 1}${this.direct ? ' directly' : ''}`);
    const { lastEventId } = account;
    const headers: Record<string, string> = { Authorization: `Bearer ${this.token}` };
    if (lastEventId !== '') headers['Last-Event-ID'] = lastEventId;
    const socket: StreamSocket = new StreamSocket(
      {
        port: ports[door]!,
        path: this.from === 'oldest' ? '/v1/stream?lastEventId=0' : '/v1/stream',
        headers,
      },
      {
        status: (code) => {
          if (code === 200) return;
          account.event(`is answered ${code}`);
          socket.cut();
        },
        frame: (frame) => this.frame(frame),
        closed: () => this.closed(socket),
      },
    );
    this.socket = socket;
    if (this.isStalled) socket.stall();
    this.watch = setInterval(() => this.look(socket), 1_000);
  }

  private frame(frame: SseFrame): void {
    this.account.frame(frame);
    if (this.breakOffs > 0 && this.account.awaitsReset) {
      this.breakOffs -= 1;
      this.account.event('breaks off before the feed.reset');
      return this.cut();
    }
    if (frame.event === 'feed.closing' && frame.retry !== null) {
      this.toldMs = Math.min(frame.retry, MOST_TOLD_MS * this.random.next());
    }
  }

  private look(socket: StreamSocket): void {
    const silentFor = performance.now() - socket.heardAt;
    if (this.isStalled || silentFor < (this.account.ready ? SILENCE_MS : CONNECT_MS)) return;
    this.account.event('has heard nothing for long');
    socket.cut();
  }

  private closed(socket: StreamSocket): void {
    if (this.socket !== socket) return;
    this.socket = null;
    clearInterval(this.watch);
    this.account.ready = false;
    this.account.event('is disconnected');
    if (this.isAway) return;
    const delay = this.toldMs ?? this.random.int(DELAY_MS.least, DELAY_MS.most);
    this.toldMs = null;
    this.timer = setTimeout(() => this.connect(), delay);
  }
}
