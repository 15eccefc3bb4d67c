import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Filter } from './filters.js';

interface Link {
  readonly near: Socket;
  readonly far: Socket;
}

/**
 * A way to a server on loopback that can be broken in the ways that networks break. What is said of it holds for
 * connections that are open and for those to come, until it is healed.
 */
export class Proxy {
  private readonly links = new Set<Link>();
  private delayMs = 0;
  private refusing = false;
  private closures = 0;
  private silent = false;
  private deaf = false;
  private cutsLeft = 0;
  private cutAt: (length: number) => number = () => 0;

  private constructor(
    private readonly server: Server,
    private target: number,
    private readonly makeFilter: (() => Filter) | null,
  ) {
    server.on('connection', (near) => this.join(near));
  }

  static async start(target: number, makeFilter: (() => Filter) | null = null): Promise<Proxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true });
    const proxy = new Proxy(server, target, makeFilter);
    server.listen(0, '127.0.0.1', 1_024);
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.links.size;
  }

  /** Resets every open connection; new ones work. */
  cut(): void {
    for (const link of [...this.links]) this.break(link);
  }

  /** Resets every connection, and new ones at once. */
  refuse(): void {
    this.refusing = true;
    this.cut();
  }

  /** The same, and nothing but the returned function ends it: not even {@link heal}, which may be that of another fault. */
  shut(): () => void {
    this.closures += 1;
    this.cut();
    return () => {
      this.closures -= 1;
    };
  }

  /** The ports by which the server knows the connections that lead through here. */
  get ports(): number[] {
    return [...this.links].flatMap(({ far }) => far.localPort ?? []);
  }

  /** Everything arrives so much later, in its order. */
  delay(ms: number): void {
    this.delayMs = ms;
  }

  /** Nothing arrives, and nothing says so: as behind a firewall that forgot the connection. */
  hush(): void {
    this.silent = true;
    for (const { near, far } of this.links) {
      near.pause();
      far.pause();
    }
  }

  /** The server hears, and its answers are lost; {@link heal} resets these connections. */
  swallowAnswers(): void {
    this.deaf = true;
  }

  /** The next so many chunks from the server arrive in part, then their connection is reset. */
  cutNextChunks(count: number, cutAt: (length: number) => number): void {
    this.cutsLeft = count;
    this.cutAt = cutAt;
  }

  /** Ends every fault. Connections that were silent or lost answers are reset: they would never be right again. */
  heal(): void {
    if (this.silent || this.deaf) this.cut();
    this.refusing = false;
    this.silent = false;
    this.deaf = false;
    this.cutsLeft = 0;
    this.delayMs = 0;
  }

  /** Leads elsewhere from now on. */
  retarget(port: number): void {
    this.target = port;
    this.cut();
  }

  async close(): Promise<void> {
    this.refuse();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(near: Socket): void {
    near.on('error', () => {});
    if (this.refusing || this.closures > 0) return void near.resetAndDestroy();
    const far = connect({ port: this.target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    far.on('error', () => {});
    const link = { near, far };
    this.links.add(link);
    const filter = this.makeFilter?.() ?? null;
    this.pipe(link, near, far, (chunk) => chunk);
    this.pipe(link, far, near, (chunk) => this.fromServer(link, filter ? filter(chunk) : chunk));
    if (this.silent) {
      near.pause();
      far.pause();
    }
  }

  private fromServer(link: Link, chunk: Buffer): Buffer | null {
    if (this.deaf) return null;
    if (this.cutsLeft === 0 || chunk.length < 2) return chunk;
    this.cutsLeft -= 1;
    link.near.write(chunk.subarray(0, this.cutAt(chunk.length)), () => this.break(link));
    link.far.pause();
    return null;
  }

  private pipe(link: Link, from: Socket, to: Socket, through: (chunk: Buffer) => Buffer | null): void {
    const queue = new DelayQueue();
    const later = (act: () => void): void => queue.push(this.delayMs, act);
    from.on('data', (chunk: Buffer) => {
      const passed = through(chunk);
      if (passed === null || passed.length === 0) return;
      later(() => {
        if (to.destroyed || to.write(passed)) return;
        from.pause();
        to.once('drain', () => {
          if (!this.silent) from.resume();
        });
      });
    });
    from.on('end', () => later(() => to.end()));
    from.on('close', (hadError) => {
      this.links.delete(link);
      if (hadError || !from.readableEnded) to.destroy();
    });
  }

  private break(link: Link): void {
    this.links.delete(link);
    link.near.resetAndDestroy();
    link.far.resetAndDestroy();
  }
}

/** What is on its way in one direction. Not a timer for each: two that are due in the same ms may run in any order. */
class DelayQueue {
  private readonly waiting: { readonly due: number; readonly act: () => void }[] = [];

  push(delayMs: number, act: () => void): void {
    if (delayMs === 0 && this.waiting.length === 0) return act();
    const due = Math.max(performance.now() + delayMs, this.waiting.at(-1)?.due ?? 0);
    this.waiting.push({ due, act });
    if (this.waiting.length === 1) this.arm();
  }

  private arm(): void {
    const [first] = this.waiting;
    if (first) setTimeout(() => this.run(), Math.max(0, first.due - performance.now()));
  }

  private run(): void {
    const now = performance.now();
    for (let first = this.waiting[0]; first && first.due <= now; first = this.waiting[0]) {
      // Taken away after it has acted: until then what comes must queue up behind it.
      first.act();
      this.waiting.shift();
    }
    this.arm();
  }
}
