/** A use of an Idempotency-Key. */
export interface IdempotencyClaim {
  /** The id of the job, derived from the key and its scope. */
  readonly jobId: string;
  /** A hash of the job's type and data. */
  readonly fingerprint: Buffer;
  /** The hash of the job's key in its first feed, which shows later whether the job was delivered. */
  readonly delivers: Buffer;
}

/** `first`: the key was free. `same`: it is claimed for this body. `other`: it is claimed for another body. */
export type ClaimOutcome = 'first' | 'same' | 'other';

/** Remembers the first body of each Idempotency-Key, for as long as dedupe keys are kept. */
export interface IdempotencyKeys {
  /**
   * Claims the key for this body. Safe to repeat.
   *
   * @throws {LogUnavailableError}
   */
  claim(claim: IdempotencyClaim): Promise<ClaimOutcome>;
  /** Whether the job that claimed the key was delivered to its first recipient. @throws {LogUnavailableError} */
  isDelivered(jobId: string): Promise<boolean>;
  /** Releases the key of a job that will never run. @throws {LogUnavailableError} */
  release(jobId: string): Promise<void>;
}
