import { createHash } from 'node:crypto';
import { givenDedupeKey, hashDedupeKey } from '../../contract/model/dedupe-key.js';
import type { ParsedJob } from '../../contract/model/job.js';
import type { ProducerIdentity } from '../../contract/model/producer-key.js';
import type { CancelledJob } from '../../contract/ports/cancel.js';
import type { IdempotencyClaim } from '../../contract/ports/idempotency.js';
import { timeOfUuidV7, uuidV7 } from '../../platform/uuid-v7.js';

/** Identifies a job among all jobs ever created on any queue. */
export interface JobIdentity {
  readonly queue: string;
  readonly id: string;
  /** When the job was created, ms. */
  readonly timestamp: number;
}

const DIRECT = 'direct-';
const DIRECT_ID =
  /^direct-([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})(?:-([0-9a-f]{8})([0-9a-f]{8}))?$/;
const IDEMPOTENT_ID = /^idem-([A-Za-z0-9_-]{43})-([0-9a-f]{8})$/;

/**
 * The job id for an Idempotency-Key: the same for each repetition, so that the queue stores the job once. It ends with a {@link tag} of
 * the scope. BullMQ rejects integers and colons.
 */
export function idempotentJobId({ scope, key }: { scope: string; key: string }): string {
  // As JSON, so that ("a", "bc") and ("ab", "c") differ.
  const hash = createHash('sha256')
    .update(JSON.stringify([scope, key]))
    .digest('base64url');
  return `idem-${hash}-${tag(hash, scope)}`;
}

/** Whether the job's id derives from an Idempotency-Key. */
export function isIdempotentJobId(id: string): boolean {
  return IDEMPOTENT_ID.test(id);
}

/**
 * Distinguishes an earlier attempt of the same job from another job with the same key. With an
 * Idempotency-Key the id alone does.
 */
export function jobFingerprint({ queue, id, timestamp }: JobIdentity): Buffer {
  const identity = isIdempotentJobId(id) ? [id] : [queue, id, timestamp];
  return createHash('sha256').update(JSON.stringify(identity)).digest().subarray(0, 16);
}

/**
 * Creates a job that is tried directly before it may go to the queue. One that is not on the queue was delivered
 * or cancelled; its id contains its timestamp, and a {@link tag} each of the name and the tenant of a producer that has sent it.
 */
export function directJob(
  queue: string,
  { feeds, sender }: Pick<ParsedJob, 'feeds' | 'sender'>,
): JobIdentity {
  const uuid = uuidV7();
  const tags = sender && `-${tag(uuid, sender.name ?? '')}${tag(uuid, feeds[0]!.tenant)}`;
  return directJobOf(queue, `${DIRECT}${uuid}${tags ?? ''}`);
}

/** The job with an id that was created by {@link directJob}. */
export function directJobOf(queue: string, id: string): JobIdentity {
  return { queue, id, timestamp: timeOfUuidV7(id.slice(DIRECT.length)) };
}

/** Whether the id was created by {@link directJob}. */
export function isDirectJobId(id: string): boolean {
  return DIRECT_ID.test(id);
}

/**
 * Whether a producer may have sent the job with this id. After its delivery only the id is left to tell: without this, a producer would learn
 * from the answer to a cancellation which jobs of others exist.
 */
export function mayHaveSent(id: string, by: ProducerIdentity | null): boolean {
  if (by === null || (by.name === null && by.tenant === null)) return true;
  const anyName = by.name === null || by.scopes.has('any-sender');
  if (anyName && by.tenant === null) return true;
  const [, hash, scope] = IDEMPOTENT_ID.exec(id) ?? [];
  if (hash !== undefined) return scope === tag(hash, by.id);
  const [, uuid, name, tenant] = DIRECT_ID.exec(id) ?? [];
  if (uuid === undefined) return true;
  return (anyName || name === tag(uuid, by.name)) && (by.tenant === null || tenant === tag(uuid, by.tenant));
}

/** A mark of a job's owner. It differs between jobs, so that ids do not show which of them have the same owner. */
function tag(of: string, owner: string): string {
  return createHash('sha256')
    .update(JSON.stringify([of, owner]))
    .digest('hex')
    .slice(0, 8);
}

/** A hash of a job's type and data, independent of the order of object members. */
export function bodyFingerprint(type: string, data: unknown): Buffer {
  return createHash('sha256')
    .update(JSON.stringify([type, withoutSender(data)], sortMembers))
    .digest()
    .subarray(0, 16);
}

/** The body of a job as its producer sent it: a key that has got a name since does not make it another one. */
export function withoutSender(data: unknown): unknown {
  if (typeof data !== 'object' || data === null) return data;
  return Object.fromEntries(Object.entries(data).filter(([name]) => name !== 'sender'));
}

function sortMembers(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The key under which the log accepts this job once per feed (G5). The prefix names the source of the key, so
 * that a key chosen by a producer
 * never equals a generated one:
 *
 * - `k:` chosen by the producer: all jobs with that key are the same notification;
 * - `n:` chosen by a named producer: all of its jobs with that key are;
 * - `i:` derived from an Idempotency-Key: the log still drops repetitions after the queue has removed the
 *   first job;
 * - `j:` queue, id and creation time. The time is included because generated ids restart at 1 after a flushed
 *   Redis, `obliterate` or a change of backend, and new jobs would be dropped as duplicates of old ones.
 *
 * It may be longer than the limit for chosen keys; the log stores a hash.
 */
export function dedupeKeyOf(job: JobIdentity, given: string | null, sender: string | null): string {
  if (given !== null) return givenDedupeKey(given, sender);
  if (isIdempotentJobId(job.id)) return `i:${job.id}`;
  return `j:${job.queue}:${job.id}:${job.timestamp}`;
}

/** The claim of an Idempotency-Key for this body. */
export function claimOf(
  job: JobIdentity,
  { feeds, dedupeKey, sender }: Pick<ParsedJob, 'feeds' | 'dedupeKey' | 'sender'>,
  type: string,
  body: unknown,
): IdempotencyClaim {
  return {
    jobId: job.id,
    fingerprint: bodyFingerprint(type, body),
    delivers: hashDedupeKey({
      feed: feeds[0]!,
      dedupeKey: dedupeKeyOf(job, dedupeKey, sender?.name ?? null),
    }),
  };
}

/** The job as the log knows it. */
export function cancelledJobOf(
  job: JobIdentity,
  { feeds, dedupeKey, sender }: Pick<ParsedJob, 'feeds' | 'dedupeKey' | 'sender'>,
): CancelledJob {
  return {
    feeds,
    dedupeKey: dedupeKeyOf(job, dedupeKey, sender?.name ?? null),
    fingerprint: jobFingerprint(job),
    queuedAt: new Date(job.timestamp),
  };
}
