/** What an Idempotency-Key stands for. */
export interface IdempotencyClaim {
  /** The id of the job, which derives from the key and its scope. */
  readonly jobId: string;
  /** A hash of the job's type and data: the same body has the same one. */
  readonly fingerprint: Buffer;
}

/** Remembers the body that first came with an Idempotency-Key, for as long as dedupe keys are kept. */
export interface IdempotencyKeys {
  /**
   * Claims the key for this body. Safe to repeat.
   *
   * @returns `false` if the key was claimed for another body before.
   * @throws {LogUnavailableError}
   */
  claim(claim: IdempotencyClaim): Promise<boolean>;
  /** @throws {LogUnavailableError} */
  isClaimed(jobId: string): Promise<boolean>;
  /** Forgets the key of a job that will never run. @throws {LogUnavailableError} */
  release(jobId: string): Promise<void>;
}
