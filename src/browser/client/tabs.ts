import { isHidden, listen, NOTHING } from './environment.js';
import { isMessage, type Message, type SentMessage } from './messages.js';
import type { Receiver } from './receiver.js';
import type { FeedStatus, RawFrame } from './types.js';

/** The actions of a tab in its group. */
export interface TabPorts {
  status(): FeedStatus;
  /** Holds the connection until the signal aborts. */
  lead(signal: AbortSignal): Promise<void>;
  setStatus(status: FeedStatus): void;
  /** The leader cannot fill a gap, or the server has reset the feed (`reset`). */
  restart(reset?: RawFrame): void;
  /** Another tab has become visible. */
  wake(): void;
  /** A message says that the user has signed out. */
  signedOut(): void;
}

/** The group of tabs that show the same feed. */
export interface Tabs {
  /** Takes part until the signal aborts. @throws the errors of `lead`. */
  run(signal: AbortSignal): Promise<void>;
  /** Sends a message to the followers, if this tab leads. */
  relay(message: Message): void;
}

/** The time a visible tab has to take over from a hidden one, and a leader to answer a tab that has become visible. */
const ANSWER_MS = 400;

/**
 * The tabs of one browser that show one feed. The tab that holds a Web Lock leads: it has the connection and relays its frames.
 *
 *     waiting ──lock is free──> leading ──lock is stolen──> waiting
 *        └──leader is silent: steal the lock──^
 *
 * The browser releases the lock of a tab that closes or crashes. A frozen tab keeps its lock and does not answer. Visible tabs ask the
 * leader after less than half a heartbeat of silence, and steal the lock before a whole one has passed. A hidden leader is woken by
 * messages but hardly by timers, and therefore only answers.
 */
export function createTabs(name: string, heartbeatMs: number, receiver: Receiver, ports: TabPorts): Tabs {
  const channel = new BroadcastChannel(name);
  let isLeading = false;
  let lastHeardAt = Date.now();
  let lastAskedAt = 0;
  let stealLock = NOTHING;

  async function run(signal: AbortSignal): Promise<void> {
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (isMessage(data)) receive(data);
    };
    listen('visibilitychange', checkLeader, signal);
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

  function relay(message: Message): void {
    if (isLeading) post(message);
  }

  /** Waits for the lock, or steals it, and leads until it is stolen. @returns whether to steal it the next time. */
  async function term(steal: boolean, signal: AbortSignal): Promise<boolean> {
    const waiting = new AbortController();
    const over = new AbortController();
    const leading = AbortSignal.any([signal, over.signal]);
    stealLock = () => waiting.abort();
    const options = steal ? { steal } : { signal: AbortSignal.any([signal, waiting.signal]) };
    try {
      await navigator.locks.request(name, options, async () => {
        stealLock = NOTHING;
        if (!steal) await yieldToVisibleTabs();
        if (leading.aborted) return;
        isLeading = true;
        await ports.lead(leading);
      });
    } catch (error) {
      // The wait was aborted, or the lock was stolen.
      if ((error as Error).name !== 'AbortError') throw error;
    } finally {
      isLeading = false;
      stealLock = NOTHING;
      lastHeardAt = Date.now();
      over.abort();
    }
    return waiting.signal.aborted;
  }

  /** A visible tab is the better leader, because browsers throttle hidden ones. It steals the lock when it is asked. */
  async function yieldToVisibleTabs(): Promise<void> {
    if (!isHidden()) return;
    post({ kind: 'vacant' });
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  }

  function receive(message: SentMessage): void {
    if (message.kind === 'signed-out') return ports.signedOut();
    if (message.kind === 'hello') return answer(message.seq, message.wake);
    if (message.kind === 'vacant') return isHidden() ? undefined : stealLock();
    // Sent by the leader. A leader that was frozen may believe for a moment that it still leads; sequence numbers make that harmless.
    if (isLeading) return;
    lastHeardAt = Date.now();
    if (message.kind === 'status') {
      ports.setStatus(message.status);
      // Browsers throttle the timers of hidden tabs to one a minute, so that its reconnect would be late.
      if (message.isHidden && message.status.state === 'offline' && !isHidden()) stealLock();
    } else if (message.kind === 'reset') ports.restart(message.frame);
    else if (message.kind === 'begins') {
      if (receiver.store.seq < message.seq) ports.restart();
    } else if (!receiver.takeRelayed(message.relayed) && Date.now() - lastAskedAt > ANSWER_MS) hello();
  }

  function answer(seq: number, wake: boolean): void {
    if (!isLeading) return;
    if (wake) ports.wake();
    const missed = receiver.recent.filter(({ after }) => after > seq);
    post({ kind: 'begins', seq: missed[0]?.before ?? receiver.store.seq });
    for (const relayed of missed) post({ kind: 'frame', relayed });
    post({ kind: 'status', status: ports.status() });
  }

  /** Asks the leader for its status, and for the frames that this tab has missed. */
  function hello(wake = false): void {
    lastAskedAt = Date.now();
    post({ kind: 'hello', seq: receiver.store.seq, wake });
  }

  /** A visible tab must not depend on a leader that is frozen. */
  function checkLeader(): void {
    if (isHidden() || isLeading) return;
    const checkedAt = Date.now();
    hello(true);
    setTimeout(() => lastHeardAt < checkedAt && stealLock(), ANSWER_MS);
  }

  function watch(): void {
    if (isHidden() || isLeading) return;
    const silentMs = Date.now() - lastHeardAt;
    if (silentMs > heartbeatMs * 0.7) stealLock();
    else if (silentMs > heartbeatMs * 0.4) hello();
  }

  function post(message: Message): void {
    channel.postMessage({ ...message, isHidden: isHidden() });
  }
  return { run, relay };
}

/** Signs out all tabs of the group. */
export function announceSignOut(name: string): void {
  const channel = new BroadcastChannel(name);
  channel.postMessage({ kind: 'signed-out' } satisfies Message);
  channel.close();
}

/** Whether tabs can share a connection. Web Locks require a secure context. */
export function canShare(): boolean {
  // Browsers with Web Locks have BroadcastChannel, too.
  return !!globalThis.navigator?.locks;
}
