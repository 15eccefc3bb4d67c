import { Arrivals, clock, type Arrived } from '../arrivals.js';
import { latencyOf, type Latency } from '../latencies.js';
import { StreamSocket, type StreamListener } from './stream-socket.js';

/** The streams of one server. */
export interface StreamsPlan {
  /** Streams take turns among them. */
  readonly ports: readonly number[];
  /** For each stream the head of its request, without the empty line at its end. */
  readonly heads: readonly string[];
  /** What the server sends when a stream has begun. */
  readonly readyMark: string;
  /** The Last-Event-ID of a client that has not seen anything. */
  readonly firstId: string;
}

/**
 * Streams that are begun but not answered yet. Node accepts 511 connections at a time (the backlog of `listen`); beyond that the
 * kernel drops some, and they would come again a second later.
 */
const WINDOW = 400;

/** Opens and closes the streams of one server, and waits for their entries. */
export class Streams implements StreamListener {
  private readonly sockets: StreamSocket[];
  private entries = new Arrivals('entries');
  private readiness = new Arrivals('streams');
  private toOpen: StreamSocket[] = [];
  private resuming = false;
  private failure: string | null = null;
  private sentAt = new Float64Array(0);
  private latencies: number[] = [];

  constructor(plan: StreamsPlan) {
    const mark = Buffer.from(plan.readyMark);
    this.sockets = plan.heads.map((head, nth) => {
      const port = plan.ports[nth % plan.ports.length]!;
      return new StreamSocket(port, head, mark, plan.firstId, this);
    });
  }

  /** Resolves with the time of the first connect when all have begun. */
  async open(resume: boolean): Promise<number> {
    const begunAt = clock();
    this.resuming = resume;
    this.readiness.expect(this.sockets.length);
    this.toOpen = [...this.sockets].reverse();
    for (let open = 0; open < WINDOW; open++) this.openNext();
    await this.check(this.readiness.done());
    return begunAt;
  }

  close(): void {
    for (const socket of this.sockets) socket.close();
  }

  expect(entries: number): void {
    this.entries.expect(entries);
    this.sentAt = new Float64Array(entries);
    this.latencies = [];
  }

  arrived(): Promise<Arrived> {
    return this.check(this.entries.done());
  }

  /** Called when the job of this number is published. */
  sent(task: number): void {
    this.sentAt[task] = performance.now();
  }

  latency(arrived: Arrived): Latency {
    return latencyOf(this.latencies, arrived);
  }

  /** The times from publishing to each arrival, in ms. */
  get delays(): readonly number[] {
    return this.latencies;
  }

  ready(): void {
    this.readiness.add();
    this.openNext();
  }

  entry(task: number): void {
    const sentAt = this.sentAt[task];
    if (sentAt) this.latencies.push(performance.now() - sentAt);
    this.entries.add();
  }

  failed(why: string): void {
    this.failure ??= why;
  }

  private openNext(): void {
    this.toOpen.pop()?.open(this.resuming);
  }

  private async check<T>(waiting: Promise<T>): Promise<T> {
    const result = await waiting.catch((error: Error) => {
      throw this.failure === null ? error : new Error(`${error.message}: ${this.failure}`);
    });
    if (this.failure !== null) throw new Error(this.failure);
    return result;
  }
}
