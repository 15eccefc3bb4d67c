import { seqOf } from './cursor.js';
import type { Counts } from './store.js';
import type { StreamAttempt } from './transport.js';

/** What an EventSource must be told to listen for, one by one. Notifications come as messages. */
const NAMES = ['ready', 'reset', 'closing', 'read', 'unread', 'seen', 'archived', 'unarchived', 'removed'];
/** Less than what the connection allows, so that there is time to ask. */
const ASK_AFTER_HEARTBEATS = 1.5;

/**
 * The stream by the browser's EventSource, which shows neither heartbeats nor the status of a refusal. When it is silent the count is asked
 * for: if the server knows of nothing newer, nothing was missed. What it says itself about coming back is left alone, because it gives up
 * for good after a 502, and does not know what another tab has seen meanwhile.
 */
export function withEventSource(attempt: StreamAttempt): Promise<void> {
  const { client, cursor, heartbeatMs, signal, onAlive, onFrame } = attempt;
  const ask = (): Promise<Counts> => client.json<Counts>('notifications/count', { signal });
  return new Promise<void>((resolve, reject) => {
    const source = new EventSource(`${client.base}stream?as=message&lastEventId=${cursor}`, {
      withCredentials: client.credentials === 'include',
    });
    let isOpen = false;
    let knownSeq = seqOf(cursor);
    let aliveAt = Date.now();
    const take = ({ type, lastEventId, data }: MessageEvent<string>): void => {
      aliveAt = Date.now();
      onAlive();
      knownSeq = Math.max(knownSeq, seqOf(lastEventId));
      // As of the head of that moment; what is not shown any more up to there comes without an event.
      if (type === 'feed.ready')
        knownSeq = Math.max(knownSeq, seqOf((JSON.parse(data) as { head: string }).head));
      onFrame({ event: type === 'message' ? '' : type, id: lastEventId, data });
    };
    source.onmessage = take;
    NAMES.forEach((name) => source.addEventListener(`feed.${name}`, take));
    source.onopen = () => (isOpen = true);

    const watch = setInterval(() => {
      if (Date.now() - aliveAt < heartbeatMs * ASK_AFTER_HEARTBEATS) return;
      ask().then(
        (counts) => (seqOf(counts.cursor) > knownSeq ? end() : onAlive()),
        // The connection's own patience ends soon.
        () => {},
      );
    }, heartbeatMs / 2);
    const end = (refused?: Promise<unknown>): void => {
      clearInterval(watch);
      source.close();
      if (refused) refused.then(() => resolve(), reject);
      else resolve();
    };
    // It does not tell a refusal from a broken network; the count does.
    source.onerror = () => end(isOpen ? undefined : ask());
    signal.addEventListener('abort', () => end());
  });
}
