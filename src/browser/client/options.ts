import type { FeedOptions } from './types.js';

/** The types or the values of each option. */
const KINDS: Record<keyof FeedOptions, string> = {
  url: 'string|object',
  path: 'string',
  getToken: 'function',
  credentials: 'include|omit|same-origin',
  pageSize: 'number',
  tabs: 'shared|alone',
  transport: 'fetch|eventsource',
  heartbeatMs: 'number',
  open: 'boolean',
};

/** @throws {TypeError} for an unknown option, or a value of the wrong kind. */
export function checkOptions(options: FeedOptions): void {
  for (const [name, value] of Object.entries(options) as [keyof FeedOptions, unknown][]) {
    const kind = KINDS[name] ?? 'left out (unknown)';
    const isRight = (one: unknown): boolean => kind.split('|').includes(one as string);
    if (value !== undefined && !isRight(typeof value) && !isRight(value))
      throw new TypeError(`createFeed: ${name} is ${value as string}, must be ${kind}`);
  }
}
