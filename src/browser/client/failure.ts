import type { FeedError, StopReason } from './types.js';

/** Not what was asked for, though a 200. */
export const STRANGE_ANSWER = 'No answer of Tidings.';

/** A request that failed, with what the connection must know of it. */
export class Failure extends Error implements FeedError {
  override readonly name = 'FeedError';
  constructor(
    message: string,
    readonly status = 0,
    readonly code = 'network',
    /** From `Retry-After`; 0 without one. */
    readonly retryInMs = 0,
  ) {
    super(message);
  }

  /** The reason to stop, if another attempt would not help. */
  get stopReason(): StopReason | undefined {
    const reasons = { 400: 'refused', 401: 'unauthenticated', 403: 'forbidden', 404: 'refused' } as const;
    return reasons[this.status as keyof typeof reasons];
  }
}

/** Whatever went wrong, as a failure: what is none was never answered. */
export function failureOf(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure(String(error));
}
