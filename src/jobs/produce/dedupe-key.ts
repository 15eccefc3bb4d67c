import { createHash } from 'node:crypto';
import { givenDedupeKey } from '../../contract/model/dedupe-key.js';
import { uuidV7 } from '../../platform/uuid-v7.js';

/** What tells one job from every other that ever was on this or another queue. */
export interface JobIdentity {
  readonly queue: string;
  readonly id: string;
  /** When the job was put on the queue, ms. */
  readonly timestamp: number;
}

const DIRECT = 'direct-';
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

/** Whether the job's id derives from an Idempotency-Key. */
export function isIdempotentJobId(id: string): boolean {
  return IDEMPOTENT_ID.test(id);
}

/** Tells an earlier attempt of the same job from another job with the same key. With an Idempotency-Key the id alone says it. */
export function jobFingerprint({ queue, id, timestamp }: JobIdentity): Buffer {
  const identity = isIdempotentJobId(id) ? [id] : [queue, id, timestamp];
  return createHash('sha256').update(JSON.stringify(identity)).digest().subarray(0, 16);
}

/** The id of a job that is tried directly before it may go to the queue: it tells that a job which is not on the queue was delivered. */
export function directJobId(): string {
  return `${DIRECT}${uuidV7()}`;
}

/** Whether {@link directJobId} made this id. */
export function isDirectJobId(id: string): boolean {
  return id.startsWith(DIRECT);
}

/** A hash of a job's type and data, which does not depend on the order of the members. */
export function bodyFingerprint(type: string, data: unknown): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([type, data], sortMembers))
    .digest()
    .subarray(0, 16);
}

function sortMembers(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
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
  if (isIdempotentJobId(job.id)) return `i:${job.id}`;
  return `j:${job.queue}:${job.id}:${job.timestamp}`;
}
