import type { FeedError, StopReason } from './types.js';

/** The message for a response of status 200 that is not from Tidings. */
export const UNEXPECTED_RESPONSE = 'Unexpected response.';

/** A failed request. */
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

/** Wraps any other error as a request without a response. */
export function failureOf(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure(String(error));
}
