import type { Client } from './client.js';
import { Failure, Stop, stopReasonOf } from './failure.js';
import type { ParsedFrame } from './parser.js';
import type { Transport } from './transports.js';
import type { FeedStatus } from './types.js';

/** What a connection needs of the feed that it serves. */
export interface ConnectionPorts {
  readonly client: Client;
  readonly transport: Transport;
  readonly heartbeatMs: number;
  readonly cursor: () => string;
  /** @returns `true` if the place is lost: `reload` is then called, and the stream begins anew from there. */
  readonly take: (frame: ParsedFrame) => boolean;
  readonly reload: (signal: AbortSignal) => Promise<void>;
  /** The stream brought nothing, not even what its transport could see. @returns whether something was missed. */
  readonly isBehind: (signal: AbortSignal) => Promise<boolean>;
  readonly setStatus: (status: FeedStatus) => void;
}

/** A connection that has lasted so long was a good one. */
const GOOD_MS = 5_000;
const MOST_DELAY_MS = 30_000;
const DEAD_AFTER_HEARTBEATS = 2.5;

/** Why an attempt is over. `retryInMs` `null`: the next one follows at once, if the one before was a good one. */
interface End {
  readonly retryInMs: number | null;
  readonly then?: 'reload' | 'renew';
}

const AT_ONCE: End = { retryInMs: null };
const LATER: End = { retryInMs: 0 };
/** What is to be done where there is nothing to do. */
export const NOTHING = (): void => {};

/**
 * The connection of this tab, or of all tabs, over any number of breaks.
 *
 *     attempting ──ready──> live ──closed, broken, silent──> waiting ──time, `online`, tab visible──> attempting
 *         │                  │ └──token about to end, reset──────────────────────────────────────────────^
 *         └──────────────────┴──400, 401 with a new token, 403──> stopped (`run` throws a Stop)
 *
 * Nothing is handed over between two attempts but the cursor.
 */
export class Connection {
  /** Attempts in a row that did not last. */
  #failures = 0;
  /** The delay after the first of them, as the server said last. */
  #delayMs = 1_000;
  #wakeUp = NOTHING;

  readonly #ports: ConnectionPorts;

  constructor(ports: ConnectionPorts) {
    this.#ports = ports;
  }

  /** Until the signal aborts. @throws {Stop} */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { retryInMs, then } = await this.#attempt(signal);
      if (signal.aborted) return;
      if (retryInMs !== null || this.#failures > 1) await this.#wait(retryInMs ?? 0, this.#failures, signal);
      if (then === 'reload') await this.#ports.reload(signal);
    }
  }

  /** Something that passes by waiting, tried until it succeeds. @throws {Stop} */
  async persist<T>(action: () => Promise<T>, signal: AbortSignal): Promise<T> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await action();
      } catch (error) {
        if (!signal.aborted) await this.#wait(retryDelayOf(error), failures, signal);
        if (signal.aborted) throw error;
      }
    }
  }

  /** Now is a good time: the network is back, or somebody is looking. */
  wake(): void {
    this.#wakeUp();
  }

  async #attempt(session: AbortSignal): Promise<End> {
    const { client, transport, heartbeatMs, cursor, take, isBehind, setStatus } = this.#ports;
    const attempt = new AbortController();
    const signal = AbortSignal.any([session, attempt.signal]);
    let end: End | undefined;
    const finish = (reason: End): void => {
      end ??= reason;
      attempt.abort();
    };

    let openedAt = Infinity;
    let aliveAt = Date.now();
    // A clock and no timer of its own: timers stand still while a laptop sleeps.
    this.#wakeUp = (): void => {
      if (Date.now() - aliveAt < heartbeatMs * DEAD_AFTER_HEARTBEATS) return;
      aliveAt = Date.now();
      isBehind(signal).then(
        (isDead) => isDead && finish(AT_ONCE),
        () => finish(AT_ONCE),
      );
    };
    const watch = setInterval(this.#wakeUp, heartbeatMs / 4);
    let renewal: ReturnType<typeof setTimeout> | undefined;
    const renewInTime = (): void => {
      const inMs = client.credential.renewInMs;
      if (inMs > 0) renewal = setTimeout(renewInTime, inMs);
      else finish({ ...AT_ONCE, then: 'renew' });
    };
    const forgetOffline = listen('offline', () => finish(LATER));

    const onFrame = (frame: ParsedFrame): void => {
      if (end) return;
      this.#delayMs = frame.retryMs ?? this.#delayMs;
      if (frame.event === 'feed.closing') {
        const { reason, retryInMs = 0 } = jsonOf<{ reason: string; retryInMs: number }>(frame.data) ?? {};
        const isRenewable = reason === 'credential-expired' && client.credential.isRenewable;
        if (isRenewable) client.credential.refuse();
        finish({ retryInMs: isRenewable ? null : retryInMs });
      } else if (take(frame)) {
        finish({ ...AT_ONCE, then: 'reload' });
      } else if (frame.event === 'feed.ready') {
        openedAt = Date.now();
        setStatus({ state: 'live' });
        renewInTime();
      }
    };

    try {
      const onAlive = (): void => void (aliveAt = Date.now());
      await transport({ client, cursor: cursor(), signal, onAlive, onFrame });
    } catch (error) {
      if (!signal.aborted) end = { retryInMs: retryDelayOf(error) };
    } finally {
      attempt.abort();
      clearInterval(watch);
      clearTimeout(renewal);
      forgetOffline();
      this.#wakeUp = NOTHING;
    }
    if (Date.now() - openedAt >= GOOD_MS || end?.then === 'renew') this.#failures = 0;
    this.#failures += 1;
    return end ?? LATER;
  }

  async #wait(atLeastMs: number, failures: number, signal: AbortSignal): Promise<void> {
    const delayMs = Math.min(MOST_DELAY_MS, this.#delayMs * 2 ** (failures - 1));
    // Half of it by chance, so that those who were cut off together do not come back together.
    const inMs = Math.max(atLeastMs, delayMs * (0.5 + Math.random() / 2));
    this.#ports.setStatus({ state: 'offline', retryAt: Date.now() + inMs });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, inMs);
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
      signal.addEventListener('abort', this.#wakeUp);
    });
    this.#wakeUp = NOTHING;
  }
}

/** How long the server wants us to wait. @throws {Stop} if waiting does not help. */
function retryDelayOf(error: unknown): number {
  const reason = stopReasonOf(error);
  if (reason) throw new Stop(reason);
  return error instanceof Failure ? error.retryInMs : 0;
}

/** What a frame says; `null` if it is no JSON. */
export function jsonOf<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}

/** Listens to an event of the page, where there is one. @returns how to stop. */
export function listen(name: string, listener: () => void): () => void {
  const target = name === 'visibilitychange' ? globalThis.document : globalThis;
  if (!target?.addEventListener) return () => {};
  target.addEventListener(name, listener);
  return () => target.removeEventListener(name, listener);
}
