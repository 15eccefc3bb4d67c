import { isHidden, listen, NOTHING } from './connection.js';
import type { FeedStatus, RawFrame } from './types.js';

/** A frame with the place before it, so that who was there misses nothing and who was not notices. */
export interface Passed {
  readonly before: number;
  readonly after: number;
  readonly frame: RawFrame;
}

export type Message =
  /** From a follower that joins. Also asks whether there is a leader. */
  | { readonly kind: 'hello'; readonly seq: number; readonly wake: boolean }
  | { readonly kind: 'frame'; readonly passed: Passed }
  | { readonly kind: 'status'; readonly status: FeedStatus }
  /** From the leader: it has the frames after this place. */
  | { readonly kind: 'begins'; readonly seq: number }
  /** From the leader: the first page has to be read again. */
  | { readonly kind: 'reset'; readonly frame: RawFrame }
  /** From a hidden tab that is about to lead: a visible one may lead instead. */
  | { readonly kind: 'vacant' }
  | { readonly kind: 'signed-out' };

/** A message, and whether nobody sees the tab that it is from. */
type Sent = Message & { readonly isHidden: boolean };

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
  restart(reset?: RawFrame): void;
  /** Somebody is looking at another tab. */
  wake(): void;
  signedOut(): void;
}

/** The tabs that show the same feed, this one among them. */
export interface Tabs {
  /** Until the signal aborts. @throws what leading throws. */
  run(signal: AbortSignal): Promise<void>;
  /** Passes a message on, if this tab leads. */
  pass(message: Message): void;
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
export function createTabs(name: string, heartbeatMs: number, ports: TabPorts): Tabs {
  const channel = new BroadcastChannel(name);
  let isLeading = false;
  let heardAt = Date.now();
  let askedAt = 0;
  let takeLock = NOTHING;

  async function run(signal: AbortSignal): Promise<void> {
    channel.onmessage = ({ data }: MessageEvent<Sent>) => hear(data);
    listen('visibilitychange', look, signal);
    const timer = setInterval(watch, heartbeatMs / 4);
    try {
      hello();
      let steal = false;
      while (!signal.aborted) {
        steal = await term(steal, signal);
      }
    } finally {
      clearInterval(timer);
      channel.close();
    }
  }

  function pass(message: Message): void {
    if (isLeading) post(message);
  }

  /** Waits for the lock, or takes it, and leads until it is taken away. @returns whether to take it the next time. */
  async function term(steal: boolean, signal: AbortSignal): Promise<boolean> {
    const waiting = new AbortController();
    const over = new AbortController();
    const leading = AbortSignal.any([signal, over.signal]);
    takeLock = () => waiting.abort();
    const options = steal ? { steal } : { signal: AbortSignal.any([signal, waiting.signal]) };
    try {
      await navigator.locks.request(name, options, async () => {
        takeLock = NOTHING;
        if (!steal) await letVisibleTabsFirst();
        if (leading.aborted) return;
        isLeading = true;
        await ports.lead(leading);
      });
    } catch (error) {
      // Waiting was ended, or the lock was taken away.
      if ((error as Error).name !== 'AbortError') throw error;
    } finally {
      isLeading = false;
      takeLock = NOTHING;
      heardAt = Date.now();
      over.abort();
    }
    return waiting.signal.aborted;
  }

  /** A hidden tab gets the lock when it is its turn; a visible one would be the better one, and takes it away. */
  async function letVisibleTabsFirst(): Promise<void> {
    if (!isHidden()) return;
    post({ kind: 'vacant' });
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  }

  function hear(message: Sent): void {
    if (message.kind === 'signed-out') return ports.signedOut();
    if (message.kind === 'hello') return answer(message.seq, message.wake);
    if (message.kind === 'vacant') return isHidden() ? undefined : takeLock();
    // From who leads. Two may think that they do for a moment, one of them just thawed: places tell what is new.
    if (isLeading) return;
    heardAt = Date.now();
    if (message.kind === 'status') {
      ports.setStatus(message.status);
      // Browsers stretch the timers of hidden tabs to a minute: that one would come back late.
      if (message.isHidden && message.status.state === 'offline' && !isHidden()) takeLock();
    } else if (message.kind === 'reset') ports.restart(message.frame);
    else if (message.kind === 'begins') {
      if (ports.seq() < message.seq) ports.restart();
    } else if (!ports.take(message.passed) && Date.now() - askedAt > ANSWER_MS) hello();
  }

  function answer(seq: number, wake: boolean): void {
    if (!isLeading) return;
    if (wake) ports.wake();
    const missed = ports.recent().filter(({ after }) => after > seq);
    post({ kind: 'begins', seq: missed[0]?.before ?? ports.seq() });
    for (const passed of missed) post({ kind: 'frame', passed });
    post({ kind: 'status', status: ports.status() });
  }

  /** Asks who leads for its status, and for what came after the place where this tab is. */
  function hello(wake = false): void {
    askedAt = Date.now();
    post({ kind: 'hello', seq: ports.seq(), wake });
  }

  /** Somebody looks at this tab now: it must not depend on one that sleeps. */
  function look(): void {
    if (isHidden() || isLeading) return;
    const lookedAt = Date.now();
    hello(true);
    setTimeout(() => heardAt < lookedAt && takeLock(), ANSWER_MS);
  }

  function watch(): void {
    if (isHidden() || isLeading) return;
    const silentMs = Date.now() - heardAt;
    if (silentMs > heartbeatMs * 0.7) takeLock();
    else if (silentMs > heartbeatMs * 0.4) hello();
  }

  function post(message: Message): void {
    channel.postMessage({ ...message, isHidden: isHidden() });
  }
  return { run, pass };
}

/** Tells all tabs of the group, this one among them. */
export function announceSignOut(name: string): void {
  const channel = new BroadcastChannel(name);
  channel.postMessage({ kind: 'signed-out' } satisfies Message);
  channel.close();
}

/** Whether this browser can share a connection; not outside a secure context, for example. */
export function canShare(): boolean {
  // Browsers with locks have channels, too.
  return !!globalThis.navigator?.locks;
}
