import type { Client } from './client.js';
import { Failure, STRANGE_ANSWER } from './failure.js';
import { createParser, type ParsedFrame } from './parser.js';

/** One connection to the stream. */
export interface StreamAttempt {
  readonly client: Client;
  /** Where to go on. */
  readonly cursor: string;
  readonly heartbeatMs: number;
  readonly signal: AbortSignal;
  /** Something came, a heartbeat perhaps. Without it for two and a half heartbeats the attempt is over. */
  readonly onAlive: () => void;
  readonly onFrame: (frame: ParsedFrame) => void;
}

/** Resolves when the stream ends. @throws {Failure} when it breaks or is refused; anything when the signal aborts. */
export type Transport = (attempt: StreamAttempt) => Promise<void>;

/** Reads the stream with `fetch`: a token may be sent, heartbeats are heard, and a refusal has a status. */
export const viaFetch: Transport = async ({ client, cursor, signal, onAlive, onFrame }) => {
  const response = await client.fetch(`stream?lastEventId=${cursor}`, { signal });
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    // Somebody else's answer: a captive portal, or an application that shows its page for every path.
    throw new Failure(STRANGE_ANSWER);
  }
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  const parse = createParser(onFrame);
  for (;;) {
    onAlive();
    const { done, value } = await reader.read();
    if (done || signal.aborted) return;
    parse(decoder.decode(value, { stream: true }));
  }
};
