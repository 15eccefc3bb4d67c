/** For workers of tests: the jobs of one that was killed run again after 2 to 4 s instead of 15 to 35 s. */
export const IMPATIENT_WORKER = { lockDurationMs: 2_000, stalledIntervalMs: 1_000 };

/** The same for the service. */
export const IMPATIENT_SERVICE = {
  WORKER_LOCK_DURATION_MS: String(IMPATIENT_WORKER.lockDurationMs),
  WORKER_STALLED_INTERVAL_MS: String(IMPATIENT_WORKER.stalledIntervalMs),
};
