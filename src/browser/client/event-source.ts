import { seqOf } from './cursor.js';
import type { Counts } from './store.js';
import type { StreamAttempt } from './transport.js';

/** The events that are not messages: an EventSource needs a listener for each. */
const NAMES = ['ready', 'reset', 'closing', 'read', 'unread', 'seen', 'archived', 'unarchived', 'removed'];
/** Less than the connection's own limit, so that there is time to ask. */
const ASK_AFTER_HEARTBEATS = 1.5;

/**
 * Reads the stream with the browser's EventSource, which exposes neither heartbeats nor the status of a refusal. When it is silent, the
 * count is requested: if the server has nothing newer, nothing was missed. Its own reconnects are not used, because it gives up for good
 * after a 502, and does not know which entries another tab has received meanwhile.
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
      // Entries up to the head that are no longer shown cause no event.
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
        // The connection's own limit follows soon.
        () => {},
      );
    }, heartbeatMs / 2);
    const end = (refused?: Promise<unknown>): void => {
      clearInterval(watch);
      source.close();
      if (refused) refused.then(() => resolve(), reject);
      else resolve();
    };
    // The error does not distinguish a refusal from a broken network; the request for the count does.
    source.onerror = () => end(isOpen ? undefined : ask());
    signal.addEventListener('abort', () => end());
  });
}
