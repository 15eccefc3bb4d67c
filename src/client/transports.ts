import type { Client } from './client.js';
import { Failure } from './failure.js';
import { createParser, type ParsedFrame } from './parser.js';
import type { FeedOptions } from './types.js';

/** One connection to the stream. */
export interface StreamAttempt {
  readonly client: Client;
  /** Where to go on. */
  readonly cursor: string;
  readonly signal: AbortSignal;
  /** Something came, a heartbeat perhaps. */
  readonly onAlive: () => void;
  readonly onFrame: (frame: ParsedFrame) => void;
}

/** Resolves when the stream ends. @throws {Failure} when it breaks or is refused; anything when the signal aborts. */
export type Transport = (attempt: StreamAttempt) => Promise<void>;

/** What an EventSource must be told to listen for, one by one. Notifications come as messages. */
const NAMES = [
  'message',
  'feed.ready',
  'feed.reset',
  'feed.closing',
  'feed.read',
  'feed.unread',
  'feed.seen',
  'feed.archived',
  'feed.unarchived',
  'feed.removed',
];

async function withFetch({ client, cursor, signal, onAlive, onFrame }: StreamAttempt): Promise<void> {
  const accept = 'text/event-stream';
  const response = await client.fetch(`stream?lastEventId=${cursor}`, { accept, signal });
  if (!response.headers.get('content-type')?.startsWith(accept) || !response.body) {
    // Somebody else's answer: a captive portal, or an application that shows its page for every path.
    throw new Failure('The answer is no event stream.', 0, 'network');
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parse = createParser(onFrame);
  for (;;) {
    onAlive();
    const { done, value } = await reader.read();
    if (done || signal.aborted) return;
    parse(decoder.decode(value, { stream: true }));
  }
}

function withEventSource({ client, cursor, signal, onAlive, onFrame }: StreamAttempt): Promise<void> {
  return new Promise((resolve, reject) => {
    const source = new EventSource(client.urlOf(`stream?as=message&lastEventId=${cursor}`), {
      withCredentials: client.credentials === 'include',
    });
    let isOpen = false;
    const take = ({ type, lastEventId, data }: MessageEvent<string>): void => {
      onAlive();
      onFrame({ event: type === 'message' ? '' : type, id: lastEventId, data });
    };
    NAMES.forEach((name) => source.addEventListener(name, take));
    source.onopen = () => {
      isOpen = true;
      onAlive();
    };
    // It would come back by itself, but not from a 502, and not with what another tab has seen meanwhile.
    source.onerror = () => {
      source.close();
      if (isOpen) resolve();
      // It does not tell a refusal from a broken network; this does.
      else client.json('notifications/count', { signal }).then(() => resolve(), reject);
    };
    signal.addEventListener('abort', () => {
      source.close();
      resolve();
    });
    if (signal.aborted) source.close();
  });
}

/** The transport of this name. An EventSource that is asked for a token it cannot send is none. */
export function transportOf({ transport, getToken }: FeedOptions): Transport {
  return transport === 'eventsource' && !getToken ? withEventSource : withFetch;
}
