import type { Client } from './client.js';
import { failureOf } from './failure.js';
import type { ParsedFrame } from './parser.js';
import type { Transport } from './transport.js';
import type { FeedStatus } from './types.js';

/** What a connection needs of the feed that it serves. */
export interface ConnectionPorts {
  readonly client: Client;
  readonly transport: Transport;
  readonly heartbeatMs: number;
  readonly cursor: () => string;
  /** May abort the signal of `run`, if the place is lost. */
  readonly take: (frame: ParsedFrame) => void;
  readonly setStatus: (status: FeedStatus) => void;
}

/** Over any number of breaks. */
export interface Connection {
  /** Until the signal aborts. @throws {Failure} if it is refused. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Something that passes by waiting, tried until it succeeds. @throws {Failure} if it is refused. */
  readonly persist: <T>(action: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  /** Now is a good time: the network is back, or somebody is looking. */
  readonly wake: () => void;
}

/** A connection that has lasted so long was a good one. */
const GOOD_MS = 5_000;
const MOST_DELAY_MS = 30_000;
const DEAD_AFTER_HEARTBEATS = 2.5;
/** Proxies answer 404 during a deploy: so many in a row pass, once the server was reached. At first a 404 means a wrong address. */
const MOST_NOT_FOUND = 10;

/** An attempt ends with how long to wait at least, in ms; this, if the next one may follow at once because the one before was good. */
const AT_ONCE = -1;
/** What is to be done where there is nothing to do. */
export const NOTHING = (): void => {};

/**
 * The connection of this tab, or of all tabs, over any number of breaks.
 *
 *     attempting ──ready──> live ──closed, broken, silent──> waiting ──time, `online`, tab visible──> attempting
 *         │                  │ └──token about to end, reset──────────────────────────────────────────────^
 *         └──────────────────┴──400, 401 with a new token, 403, 404──> stopped (`run` throws)
 *
 * Nothing is handed over between two attempts but the cursor.
 */
export function createConnection({
  client,
  transport,
  heartbeatMs,
  cursor,
  take,
  setStatus,
}: ConnectionPorts): Connection {
  /** Attempts in a row that did not last. */
  let failures = 0;
  /** The delay after the first of them, as the server said last. */
  let delayMs = 1_000;
  /** How many more 404s pass. */
  let patience = 0;
  let wakeUp = NOTHING;

  async function run(signal: AbortSignal): Promise<void> {
    let end = AT_ONCE;
    while (!signal.aborted) {
      if (end !== AT_ONCE || failures > 1) await wait(end, failures, signal);
      if (!signal.aborted) end = await attempt(signal);
    }
  }

  async function persist<T>(action: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let failures = 1; ; failures += 1) {
      try {
        const result = await action();
        patience = MOST_NOT_FOUND;
        return result;
      } catch (error) {
        if (!signal.aborted) await wait(retryDelayOf(error), failures, signal);
        if (signal.aborted) throw error;
      }
    }
  }

  async function attempt(session: AbortSignal): Promise<number> {
    const { credential } = client;
    const over = new AbortController();
    const signal = AbortSignal.any([session, over.signal]);
    let end = 0;
    const finish = (retryInMs: number): void => {
      if (!signal.aborted) end = retryInMs;
      over.abort();
    };

    let openedAt = Infinity;
    let aliveAt = Date.now();
    // A clock and no timer of its own: timers stand still while a laptop sleeps.
    wakeUp = () => {
      if (Date.now() - aliveAt > heartbeatMs * DEAD_AFTER_HEARTBEATS) finish(AT_ONCE);
    };
    const watch = setInterval(wakeUp, heartbeatMs / 4);
    let renewal: ReturnType<typeof setTimeout> | undefined;
    const renewInTime = (): void => {
      const inMs = credential.renewInMs();
      if (inMs > 0) renewal = setTimeout(renewInTime, inMs);
      else {
        // Not a break: however short tokens live, nothing has failed.
        openedAt = 0;
        finish(AT_ONCE);
      }
    };
    listen('offline', () => finish(0), signal);

    const onAlive = (): void => void (aliveAt = Date.now());
    const onFrame = (frame: ParsedFrame): void => {
      if (signal.aborted) return;
      delayMs = frame.retryMs ?? delayMs;
      take(frame);
      if (frame.event === 'feed.closing') {
        const { reason, retryInMs = 0 } = jsonOf<{ reason: string; retryInMs: number }>(frame.data) ?? {};
        const isRenewable = reason === 'credential-expired' && credential.isRenewable;
        if (isRenewable) credential.refuse();
        finish(isRenewable ? AT_ONCE : retryInMs);
      } else if (frame.event === 'feed.ready') {
        openedAt = Date.now();
        patience = MOST_NOT_FOUND;
        setStatus({ state: 'live' });
        renewInTime();
      }
    };

    try {
      await transport({ client, cursor: cursor(), heartbeatMs, signal, onAlive, onFrame });
    } catch (error) {
      if (!signal.aborted) end = retryDelayOf(error);
    } finally {
      over.abort();
      clearInterval(watch);
      clearTimeout(renewal);
      wakeUp = NOTHING;
    }
    // `openedAt` is Infinity if it never was.
    failures = Date.now() - openedAt >= GOOD_MS ? 1 : failures + 1;
    return end;
  }

  async function wait(atLeastMs: number, failures: number, signal: AbortSignal): Promise<void> {
    const mostMs = Math.min(MOST_DELAY_MS, delayMs * 2 ** (failures - 1));
    // Half of it by chance, so that those who were cut off together do not come back together.
    const inMs = Math.max(atLeastMs, mostMs * (0.5 + Math.random() / 2));
    setStatus({ state: 'offline', retryAt: Date.now() + inMs });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, inMs);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
      // Not a listener more for each delay: they would be kept as long as the session.
      signal.onabort = wakeUp;
    });
    wakeUp = NOTHING;
  }

  /** The least delay before the next attempt. @throws {Failure} if another attempt would not help. */
  function retryDelayOf(error: unknown): number {
    const failure = failureOf(error);
    if (failure.stopReason && (failure.status !== 404 || patience-- <= 0)) throw failure;
    return failure.retryInMs;
  }
  return { run, persist, wake: () => wakeUp() };
}

/** What a frame says; `null` if it is no JSON. */
export function jsonOf<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}

/** Whether nobody sees this page. */
export function isHidden(): boolean {
  return globalThis.document?.visibilityState === 'hidden';
}

/** Listens to an event of the window (`visibilitychange` bubbles up to it), where there is one, until the signal aborts. */
export function listen(name: string, listener: () => void, signal: AbortSignal): void {
  globalThis.addEventListener?.(name, listener, { signal });
}
