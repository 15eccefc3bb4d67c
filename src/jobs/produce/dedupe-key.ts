import { createHash } from 'node:crypto';
import { givenDedupeKey } from '../../contract/model/dedupe-key.js';

/** What tells one job from every other that ever was on this or another queue. */
export interface JobIdentity {
  readonly queue: string;
  readonly id: string;
  /** When the job was put on the queue, ms. */
  readonly timestamp: number;
}

const IDEMPOTENT_ID = /^idem-[A-Za-z0-9_-]{43}$/;

/**
 * The id of the job that this Idempotency-Key stands for: the same for each repetition, so that the queue takes it once. Neither an
 * integer nor with a colon, which BullMQ refuses.
 */
export function idempotentJobId({ scope, key }: { scope: string; key: string }): string {
  // As JSON, so that ("a", "bc") and ("ab", "c") differ.
  return `idem-${createHash('sha256')
    .update(JSON.stringify([scope, key]))
    .digest('base64url')}`;
}

/**
 * The key under which the log takes this job once per feed (G5). Where it comes from is its prefix, so that no given key can be the
 * same as one that was made:
 *
 * - `k:` given by the producer: any job with that key is the same notification;
 * - `i:` made from an Idempotency-Key: the log goes on dropping repetitions when the queue has forgotten the first job;
 * - `j:` queue, id and creation time. The time is part of it because generated ids begin again at 1 after a flushed Redis,
 *   `obliterate` or a change of backend, and new jobs would be dropped as old ones.
 *
 * It may be longer than a given key may be; the log keeps a hash.
 */
export function dedupeKeyOf(job: JobIdentity, given: string | null): string {
  if (given !== null) return givenDedupeKey(given);
  if (IDEMPOTENT_ID.test(job.id)) return `i:${job.id}`;
  return `j:${job.queue}:${job.id}:${job.timestamp}`;
}
