import { listen, NOTHING } from './connection.js';
import type { FeedStatus, RawFrame } from './types.js';

/** A frame with the place before it, so that who was there misses nothing and who was not notices. */
export interface Passed {
  readonly before: number;
  readonly after: number;
  readonly frame: RawFrame;
}

type Message =
  /** From who follows: I am here. Also asks whether anybody leads. */
  | { readonly kind: 'hello'; readonly seq: number; readonly wake: boolean }
  | { readonly kind: 'frame'; readonly passed: Passed }
  | { readonly kind: 'status'; readonly status: FeedStatus; readonly isHidden: boolean }
  /** From who leads: the frames after this place are all that I have. */
  | { readonly kind: 'begins'; readonly seq: number }
  /** From who leads: the first page must be read again. */
  | { readonly kind: 'reset'; readonly frame: RawFrame }
  /** From a hidden tab that could lead: would a visible one? */
  | { readonly kind: 'vacant' }
  | { readonly kind: 'signed-out' };

/** What a tab does in the group. */
export interface TabPorts {
  seq(): number;
  status(): FeedStatus;
  /** Frames that this tab has seen of late, oldest first, each after the one before it. */
  recent(): readonly Passed[];
  /** Holds the connection until the signal aborts. */
  lead(signal: AbortSignal): Promise<void>;
  /** From who leads. @returns `false` if something between is missing here. */
  take(passed: Passed): boolean;
  setStatus(status: FeedStatus): void;
  /** What was missed cannot be had from another tab, or the place is lost (then with the frame that says so). */
  reload(reset: RawFrame | null): void;
  /** Somebody is looking at another tab. */
  wake(): void;
  signedOut(): void;
}

/** How long a visible tab may take to say that it will lead, and how long who leads may take to answer who looks. */
const ANSWER_MS = 400;

/**
 * The tabs of one browser that show one feed. One of them, who holds a Web Lock, leads: it has the connection and passes on what comes.
 *
 *     waiting ──the lock is free──> leading ──taken away──> waiting
 *        └──who leads is silent: take the lock away──^
 *
 * The browser frees the lock of a tab that closes or crashes. One that is frozen keeps it, but does not answer: visible tabs ask when
 * they have heard nothing for half a heartbeat, and do not wait for longer than a whole one. Messages wake hidden tabs that are not
 * frozen, timers do not: that is why who leads only answers.
 */
export class Tabs {
  readonly #channel: BroadcastChannel;
  #isLeading = false;
  #heardAt = Date.now();
  #askedAt = 0;
  #takeLock = NOTHING;

  readonly #name: string;
  readonly #heartbeatMs: number;
  readonly #ports: TabPorts;

  constructor(name: string, heartbeatMs: number, ports: TabPorts) {
    this.#name = name;
    this.#heartbeatMs = heartbeatMs;
    this.#ports = ports;
    this.#channel = new BroadcastChannel(name);
  }

  /** Until the signal aborts. @throws what leading throws. */
  async run(signal: AbortSignal): Promise<void> {
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#hear(data);
    const forget = listen('visibilitychange', () => this.#look());
    const watch = setInterval(() => this.#watch(), this.#heartbeatMs / 4);
    try {
      this.hello();
      let steal = false;
      while (!signal.aborted) {
        steal = await this.#term(steal, signal);
      }
    } finally {
      clearInterval(watch);
      forget();
      this.#channel.close();
    }
  }

  /** Passes on what came; nothing happens where this tab does not lead. */
  pass(passed: Passed): void {
    if (this.#isLeading) this.#post({ kind: 'frame', passed });
  }

  passStatus(status: FeedStatus): void {
    if (this.#isLeading) this.#post({ kind: 'status', status, isHidden: isHidden() });
  }

  passReset(frame: RawFrame): void {
    if (this.#isLeading) this.#post({ kind: 'reset', frame });
  }

  /** Waits for the lock, or takes it, and leads until it is taken away. @returns whether to take it the next time. */
  async #term(steal: boolean, signal: AbortSignal): Promise<boolean> {
    const waiting = new AbortController();
    const over = new AbortController();
    const leading = AbortSignal.any([signal, over.signal]);
    let isTaken = false;
    this.#takeLock = () => {
      isTaken = true;
      waiting.abort();
    };
    const options = steal ? { steal } : { signal: AbortSignal.any([signal, waiting.signal]) };
    try {
      await navigator.locks.request(this.#name, options, async () => {
        this.#takeLock = NOTHING;
        if (!steal) await this.#letVisibleTabsFirst();
        if (leading.aborted) return;
        this.#isLeading = true;
        await this.#ports.lead(leading);
      });
    } catch (error) {
      // Waiting was ended, or the lock was taken away.
      if (!(error instanceof DOMException && error.name === 'AbortError')) throw error;
    } finally {
      this.#isLeading = false;
      this.#takeLock = NOTHING;
      this.#heardAt = Date.now();
      over.abort();
    }
    return isTaken;
  }

  /** A hidden tab gets the lock when it is its turn; a visible one would be the better one, and takes it away. */
  async #letVisibleTabsFirst(): Promise<void> {
    if (!isHidden()) return;
    this.#post({ kind: 'vacant' });
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  }

  #hear(message: Message): void {
    const ports = this.#ports;
    if (message.kind === 'signed-out') return ports.signedOut();
    if (message.kind === 'hello') return this.#answer(message.seq, message.wake);
    if (message.kind === 'vacant') return isHidden() ? undefined : this.#takeLock();
    // From who leads. Two may think that they do for a moment, one of them just thawed: places tell what is new.
    if (this.#isLeading) return;
    this.#heardAt = Date.now();
    if (message.kind === 'status') {
      ports.setStatus(message.status);
      // Browsers stretch the timers of hidden tabs to a minute: that one would come back late.
      if (message.isHidden && message.status.state === 'offline' && !isHidden()) this.#takeLock();
    } else if (message.kind === 'reset') ports.reload(message.frame);
    else if (message.kind === 'begins') {
      if (ports.seq() < message.seq) ports.reload(null);
    } else if (!ports.take(message.passed) && Date.now() - this.#askedAt > ANSWER_MS) this.hello();
  }

  #answer(seq: number, wake: boolean): void {
    if (!this.#isLeading) return;
    if (wake) this.#ports.wake();
    const missed = this.#ports.recent().filter(({ after }) => after > seq);
    this.#post({ kind: 'begins', seq: missed[0]?.before ?? this.#ports.seq() });
    for (const passed of missed) this.#post({ kind: 'frame', passed });
    this.passStatus(this.#ports.status());
  }

  /** Asks who leads for its status, and for what came after the place where this tab is. */
  hello(wake = false): void {
    this.#askedAt = Date.now();
    this.#post({ kind: 'hello', seq: this.#ports.seq(), wake });
  }

  /** Somebody looks at this tab now: it must not depend on one that sleeps. */
  #look(): void {
    if (isHidden() || this.#isLeading) return;
    const askedAt = Date.now();
    this.hello(true);
    setTimeout(() => this.#heardAt < askedAt && this.#takeLock(), ANSWER_MS);
  }

  #watch(): void {
    if (isHidden() || this.#isLeading) return;
    const silentMs = Date.now() - this.#heardAt;
    if (silentMs > this.#heartbeatMs * 0.7) this.#takeLock();
    else if (silentMs > this.#heartbeatMs * 0.4) this.hello();
  }

  #post(message: Message): void {
    this.#channel.postMessage(message);
  }
}

/** Tells all tabs of the group, this one among them. */
export function announceSignOut(name: string): void {
  const channel = new BroadcastChannel(name);
  channel.postMessage({ kind: 'signed-out' } satisfies Message);
  channel.close();
}

/** Whether this browser can share a connection; not outside a secure context, for one. */
export function canShare(): boolean {
  return typeof BroadcastChannel === 'function' && Boolean(globalThis.navigator?.locks);
}

function isHidden(): boolean {
  return globalThis.document?.visibilityState === 'hidden';
}
