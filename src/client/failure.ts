import type { FeedError, StopReason } from './types.js';

/** A request that failed, with what the connection must know of it. */
export class Failure extends Error implements FeedError {
  override readonly name = 'FeedError';
  constructor(
    message: string,
    readonly status: number,
    readonly code: string,
    /** From `Retry-After`; 0 without one. */
    readonly retryInMs = 0,
  ) {
    super(message);
  }
}

/** There is no sense in trying again. */
export class Stop extends Error {
  constructor(readonly reason: StopReason) {
    super(reason);
  }
}

/** Statuses that waiting does not mend. A 404 may be a proxy's during a deploy, so that it is none. */
const REFUSALS: Readonly<Record<number, StopReason>> = {
  400: 'refused',
  401: 'unauthenticated',
  403: 'forbidden',
};

/** Why a failure is final, or `undefined` if it may pass. */
export function stopReasonOf(error: unknown): StopReason | undefined {
  if (error instanceof Stop) return error.reason;
  return error instanceof Failure ? REFUSALS[error.status] : undefined;
}
