import type { Redis } from 'ioredis';

const PING_EVERY_MS = 5_000;
const SILENCE_MS = 5_000;

/**
 * A frozen or cut-off server keeps its sockets open, for up to 15 minutes of TCP's retransmissions. A connection that does not answer is
 * cut, and made anew by ioredis; a worker's commands are then sent again, a producer's rejected.
 *
 * @param find The connection that there is at the moment.
 */
export function pingRegularly(find: () => Redis | undefined): () => void {
  let silence: NodeJS.Timeout | undefined;
  const heard = (): void => {
    clearTimeout(silence);
    silence = undefined;
  };
  const pings = setInterval(() => {
    const client = silence ? undefined : find();
    if (!client) return;
    silence = setTimeout(() => {
      silence = undefined;
      client.disconnect(true);
    }, SILENCE_MS).unref();
    // A refusal is an answer, too, and a lost connection is no silence.
    client.ping().then(heard, heard);
  }, PING_EVERY_MS).unref();
  return () => {
    clearInterval(pings);
    heard();
  };
}
