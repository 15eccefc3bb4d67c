import type { Client } from './client.js';
import { listen, NOTHING } from './environment.js';
import { failureOf } from './failure.js';
import { jsonOf, type ParsedFrame } from './parser.js';
import type { Receiver } from './receiver.js';
import type { Transport } from './transport.js';
import type { FeedStatus } from './types.js';

/** A connection that reconnects. */
export interface Connection {
  /** Stays connected until the signal aborts. @throws {Failure} if the server refuses. */
  readonly run: (signal: AbortSignal) => Promise<void>;
  /** Repeats an action until it succeeds. @throws {Failure} if the server refuses. */
  readonly retry: <T>(action: () => Promise<T>, signal: AbortSignal) => Promise<T>;
  /** Reconnects now if it waits or is silent: the network is back, or the page is visible. */
  readonly wake: () => void;
}

/** A connection that lasts longer resets the backoff. */
const STABLE_MS = 5_000;
const MAX_DELAY_MS = 30_000;
const DEAD_AFTER_HEARTBEATS = 2.5;
/** 404s in a row that are retried once the server was reached, because proxies answer 404 during a deploy. Before, a 404 means a wrong address. */
const MAX_NOT_FOUND = 10;

/** The result of an attempt is the least delay before the next one, in ms. This one stands for no delay and no backoff. */
const IMMEDIATELY = -1;

/**
 * Creates the connection of this tab, or of the tabs that it leads.
 *
 *     attempting ──ready──> live ──closed, broken, silent──> waiting ──delay, `online`, tab visible──> attempting
 *         │                  │ └──token about to end, reset──────────────────────────────────────────────^
 *         └──────────────────┴──400, 401 with a new token, 403, 404──> stopped (`run` throws)
 *
 * Attempts share nothing but the cursor.
 */
export function createConnection(
  client: Client,
  transport: Transport,
  heartbeatMs: number,
  receiver: Receiver,
  setStatus: (status: FeedStatus) => void,
): Connection {
  /** Successive attempts that were not stable. */
  let failures = 0;
  /** The delay after the first failure: the last `retry` of the server. */
  let delayMs = 1_000;
  /** How many more 404s are retried. */
  let notFoundsLeft = 0;
  let wakeUp = NOTHING;

  async function run(signal: AbortSignal): Promise<void> {
    let end = IMMEDIATELY;
    while (!signal.aborted) {
      if (end !== IMMEDIATELY || failures > 1) await wait(end, failures, signal);
      if (!signal.aborted) end = await attempt(signal);
    }
  }

  async function retry<T>(action: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let failures = 1; ; failures += 1) {
      try {
        const result = await action();
        notFoundsLeft = MAX_NOT_FOUND;
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
    // Compares times instead of setting a timeout: timers stop while a computer sleeps.
    wakeUp = () => {
      if (Date.now() - aliveAt > heartbeatMs * DEAD_AFTER_HEARTBEATS) finish(IMMEDIATELY);
    };
    const watch = setInterval(wakeUp, heartbeatMs / 4);
    let renewal: ReturnType<typeof setTimeout> | undefined;
    const scheduleRenewal = (): void => {
      const inMs = credential.renewInMs();
      if (inMs > 0) renewal = setTimeout(scheduleRenewal, inMs);
      else {
        // A renewal is not a failure, however short-lived the tokens are.
        openedAt = 0;
        finish(IMMEDIATELY);
      }
    };
    listen('offline', () => finish(0), signal);

    const onAlive = (): void => void (aliveAt = Date.now());
    const onFrame = (frame: ParsedFrame): void => {
      if (signal.aborted) return;
      delayMs = frame.retryMs ?? delayMs;
      receiver.take(frame);
      if (frame.event === 'feed.closing') {
        const { reason, retryInMs = 0 } = jsonOf<{ reason: string; retryInMs: number }>(frame.data) ?? {};
        const isRenewable = reason === 'credential-expired' && credential.isRenewable;
        if (isRenewable) credential.refuse();
        finish(isRenewable ? IMMEDIATELY : retryInMs);
      } else if (frame.event === 'feed.ready') {
        openedAt = Date.now();
        notFoundsLeft = MAX_NOT_FOUND;
        setStatus({ state: 'live' });
        scheduleRenewal();
      }
    };

    try {
      await transport({ client, cursor: receiver.store.cursor, heartbeatMs, signal, onAlive, onFrame });
    } catch (error) {
      if (!signal.aborted) end = retryDelayOf(error);
    } finally {
      over.abort();
      clearInterval(watch);
      clearTimeout(renewal);
      wakeUp = NOTHING;
    }
    // `openedAt` is Infinity if the stream was never ready.
    failures = Date.now() - openedAt >= STABLE_MS ? 1 : failures + 1;
    return end;
  }

  async function wait(atLeastMs: number, failures: number, signal: AbortSignal): Promise<void> {
    const mostMs = Math.min(MAX_DELAY_MS, delayMs * 2 ** (failures - 1));
    // Half of the delay is random, so that clients that were disconnected together do not reconnect together.
    const inMs = Math.max(atLeastMs, mostMs * (0.5 + Math.random() / 2));
    setStatus({ state: 'offline', retryAt: Date.now() + inMs });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, inMs);
      wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
      // `onabort` instead of a listener: the signal would keep one for each delay.
      signal.onabort = wakeUp;
    });
    wakeUp = NOTHING;
  }

  /** The least delay before the next attempt. @throws {Failure} if another attempt would not help. */
  function retryDelayOf(error: unknown): number {
    const failure = failureOf(error);
    if (failure.stopReason && (failure.status !== 404 || notFoundsLeft-- <= 0)) throw failure;
    return failure.retryInMs;
  }
  return { run, retry, wake: () => wakeUp() };
}
