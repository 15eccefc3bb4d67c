import type { Client } from './client.js';
import { Failure, UNEXPECTED_RESPONSE } from './failure.js';
import { createParser, type ParsedFrame } from './parser.js';

/** One attempt to read the stream. */
export interface StreamAttempt {
  readonly client: Client;
  /** The position to resume from. */
  readonly cursor: string;
  readonly heartbeatMs: number;
  readonly signal: AbortSignal;
  /** Called for any data, also heartbeats. The attempt ends after two and a half heartbeats without a call. */
  readonly onAlive: () => void;
  readonly onFrame: (frame: ParsedFrame) => void;
}

/** Resolves when the stream ends. @throws {Failure} if it breaks or is refused. @throws any error after the signal has aborted. */
export type Transport = (attempt: StreamAttempt) => Promise<void>;

/** Reads the stream with `fetch`, which can send a token and exposes heartbeats and the status of a refusal. */
export const viaFetch: Transport = async ({ client, cursor, signal, onAlive, onFrame }) => {
  const response = await client.fetch(`stream?lastEventId=${cursor}`, { signal });
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    // Another server's response, such as a captive portal's, or an application's fallback page.
    throw new Failure(UNEXPECTED_RESPONSE);
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
