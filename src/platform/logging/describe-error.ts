import { cut } from '../../contract/cut.js';

/**
 * The message of an error, at most 2,000 characters: it may quote an external input. Node's AggregateError for a host with several addresses
 * has an empty message but a code.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return cut(String(error));
  const { code } = error as NodeJS.ErrnoException;
  return cut(error.message || code || error.name);
}
