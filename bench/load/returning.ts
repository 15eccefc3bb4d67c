import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { PublishPlan } from './http-publisher.js';

/** Clients that come back when their streams end, and somebody who publishes to them meanwhile. */
export interface ReturningPlan {
  readonly port: number;
  /** For each client the head of its request, without the empty line at its end. In HTTP/1.0, whose bodies have no chunks. */
  readonly heads: readonly string[];
  readonly users: readonly string[];
  readonly publishing: PublishPlan;
  readonly perSecond: number;
}

/** What clients saw. */
export interface Returns {
  /** How often a stream ended and came back. */
  readonly reconnects: number;
  readonly mostInASecond: number;
  /** The longest time that a client had no stream, and the longest delay that one was told, ms. */
  readonly longestSilenceMs: number;
  readonly longestDelayMs: number;
  /** Times without a stream, ms: the median. */
  readonly medianSilenceMs: number;
  readonly accepted: number;
  readonly received: number;
  readonly lost: number;
  readonly twice: number;
  /** Answers to a POST other than 202; each was sent again. */
  readonly refused: number;
}

/** Begun but not answered yet; see streams.ts. */
const WINDOW = 200;
/** If nothing said when to return, as of an EventSource. */
const USUAL_DELAY_MS = 3_000;
const SETTLE_MS = 30_000;

/** What EventSources do, as far as a deploy concerns it. */
export class ReturningClients {
  private readonly clients: ReturningClient[];
  /** For each task: who gets it, and how often it came. */
  private readonly tasks: { readonly client: number; received: number; accepted: boolean }[] = [];
  private refused = 0;
  private publishing: Promise<void> | null = null;
  private stopped = false;

  constructor(private readonly plan: ReturningPlan) {
    this.clients = plan.heads.map(
      (head, nth) =>
        new ReturningClient(plan.port, head, (task) => {
          const known = this.tasks[task];
          if (known?.client === nth) known.received += 1;
          else throw new Error(`Client ${nth} got task ${task} of client ${known?.client}`);
        }),
    );
  }

  /** Resolves when all are there, and something is published. */
  async begin(): Promise<void> {
    for (let from = 0; from < this.clients.length; from += WINDOW) {
      await Promise.all(this.clients.slice(from, from + WINDOW).map((client) => client.begin()));
    }
    this.publishing = this.publish();
  }

  /** Resolves when everything has arrived, or does not come any more. */
  async end(): Promise<Returns> {
    this.stopped = true;
    await this.publishing;
    const accepted = this.tasks.filter((task) => task.accepted);
    const deadline = performance.now() + SETTLE_MS;
    const isDone = (): boolean =>
      accepted.every(({ received }) => received > 0) && this.clients.every(({ isOpen }) => isOpen);
    while (!isDone() && performance.now() < deadline) await delay(50);
    for (const client of this.clients) client.close();
    const returns = this.clients.flatMap((client) => client.returns).sort((a, b) => a.at - b.at);
    const silences = returns.map(({ silentMs }) => silentMs).sort((a, b) => a - b);
    return {
      reconnects: returns.length,
      mostInASecond: mostWithin(
        1_000,
        returns.map(({ at }) => at),
      ),
      longestSilenceMs: silences.at(-1) ?? 0,
      longestDelayMs: Math.max(0, ...this.clients.map(({ longestDelayMs }) => longestDelayMs)),
      medianSilenceMs: silences[Math.floor(silences.length / 2)] ?? 0,
      accepted: accepted.length,
      received: accepted.filter(({ received }) => received > 0).length,
      lost: accepted.filter(({ received }) => received === 0).length,
      twice: this.tasks.filter(({ received }) => received > 1).length,
      refused: this.refused,
    };
  }

  private async publish(): Promise<void> {
    const underWay = new Set<Promise<void>>();
    for (const begunAt = performance.now(); !this.stopped;) {
      const due = ((performance.now() - begunAt) * this.plan.perSecond) / 1_000;
      while (this.tasks.length < due) {
        const sending = this.send(this.tasks.length).finally(() => underWay.delete(sending));
        underWay.add(sending);
      }
      await delay(10);
    }
    await Promise.all(underWay);
  }

  /** Again under the same key until it is accepted. */
  private async send(task: number): Promise<void> {
    const { users, publishing, port } = this.plan;
    const client = task % users.length;
    const known = { client, received: 0, accepted: false };
    this.tasks.push(known);
    const body = publishing.body.replace('$to', users[client]!).replace('$task', String(task));
    const [, ...lines] = publishing.head.trim().split('\r\n');
    const headers = Object.fromEntries(lines.map((line) => line.split(': ') as [string, string]));
    delete headers['Host'];
    while (!known.accepted) {
      const status = await fetch(`http://127.0.0.1:${port}/v1/notifications`, {
        method: 'POST',
        headers: { ...headers, 'Idempotency-Key': `task-${task}` },
        body,
      }).then(
        async (answer) => (await answer.arrayBuffer(), answer.status),
        () => 0,
      );
      known.accepted = status === 202;
      if (known.accepted) return;
      this.refused += 1;
      await delay(100);
    }
  }
}

/** The largest number of these sorted times within so many ms. */
function mostWithin(ms: number, times: readonly number[]): number {
  let most = 0;
  for (let first = 0, next = 0; next < times.length; next += 1) {
    while (times[next]! - times[first]! >= ms) first += 1;
    most = Math.max(most, next - first + 1);
  }
  return most;
}

/** One of them: comes back after the delay that it was told last, with the last id. */
class ReturningClient {
  readonly returns: { readonly at: number; readonly silentMs: number }[] = [];
  longestDelayMs = 0;
  isOpen = false;
  private socket: Socket | null = null;
  private rest = '';
  private lastId = '';
  private delayMs = USUAL_DELAY_MS;
  private lostAt: number | null = null;
  private closed = false;
  private begun: () => void = () => {};

  constructor(
    private readonly port: number,
    private readonly head: string,
    private readonly onTask: (task: number) => void,
  ) {}

  begin(): Promise<void> {
    return new Promise((resolve) => {
      this.begun = resolve;
      this.open();
    });
  }

  close(): void {
    this.closed = true;
    this.socket?.destroy();
  }

  private open(): void {
    if (this.closed) return;
    this.rest = '';
    const socket = connect({ host: '127.0.0.1', port: this.port, noDelay: true });
    this.socket = socket;
    const cursor = this.lastId === '' ? '' : `Last-Event-ID: ${this.lastId}\r\n`;
    socket.write(`${this.head}${cursor}\r\n`, 'latin1');
    socket.setEncoding('latin1').on('data', (text) => this.read(String(text)));
    socket.on('error', () => {});
    socket.on('close', () => this.lost());
  }

  private read(text: string): void {
    this.rest += text;
    for (let end; (end = this.rest.indexOf('\n\n')) !== -1;) {
      const frame = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + 2);
      this.frame(frame);
    }
  }

  private frame(frame: string): void {
    const id = /^id: ?(.*)$/m.exec(frame)?.[1];
    if (id !== undefined) this.lastId = id;
    const retry = /^retry: ?(\d+)$/m.exec(frame)?.[1];
    if (retry !== undefined) this.delayMs = Number(retry);
    if (frame.includes('event: feed.ready')) this.ready();
    else if (frame.includes('event: feed.closing')) {
      this.longestDelayMs = Math.max(this.longestDelayMs, this.delayMs);
      this.gone();
    } else if (frame.includes('event: feed.reset')) throw new Error(`A stream was reset: ${frame}`);
    const task = /"taskId":"t(\d+)"/.exec(frame)?.[1];
    if (task !== undefined) this.onTask(Number(task));
  }

  private ready(): void {
    const now = performance.now();
    if (this.lostAt !== null) this.returns.push({ at: now, silentMs: now - this.lostAt });
    this.lostAt = null;
    this.isOpen = true;
    this.begun();
  }

  private gone(): void {
    this.isOpen = false;
    this.lostAt ??= performance.now();
  }

  private lost(): void {
    this.gone();
    setTimeout(() => this.open(), this.delayMs);
  }
}
