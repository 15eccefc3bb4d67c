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

  /** Why waiting does not help, if it does not. A 404 may be a proxy's during a deploy, so that it is none of these. */
  get stopReason(): StopReason | undefined {
    return ({ 400: 'refused', 401: 'unauthenticated', 403: 'forbidden' } as const)[this.status];
  }
}

/** Whatever went wrong, as a failure: what is none was never answered. */
export function failureOf(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure(String(error));
}
