import { z } from 'zod';
import { audienceFeed, type AudienceTarget } from './audience.js';
import { dataProblem, sizeProblem } from './data-problem.js';
import { nameProblem, tenantProblem, type FeedKey } from './feed.js';
import { InvalidJobError, InvalidRequestError, type InvalidField } from '../errors.js';
import { tooManyNames, unknownNames } from '../unknown-keys.js';
import { formatPath } from './notification-type.js';
import { timestamp } from './timestamp.js';
import { producerNameProblem, type Sent } from './producer-key.js';

export { MAX_DATA_BYTES, MAX_DATA_DEPTH } from './data-problem.js';

/** The maximum number of recipients of a job. */
export const MAX_RECIPIENTS = 1_000;
/**
 * The data of a job. This is a public format: any BullMQ producer, in any language, may enqueue it. The job's
 * name is the type of the notification.
 */
export interface JobData {
  /** One recipient, up to 1,000, or an audience. */
  to: string | string[] | AudienceTarget;
  /** Default `''`. */
  tenant?: string;
  /** Must match the type's schema; at most 64 KiB as JSON. */
  data: unknown;
  /**
   * The type version that `data` was written for: a worker with a newer one applies `upgrade`, a worker with
   * an older one leaves the job to others for a while.
   * Default: the worker's own.
   */
  version?: number;
  /** The same key never makes two entries in one feed. Default: the queue, the job's id and its creation time. */
  dedupeKey?: string;
  /** ISO 8601: when to deliver. Set by the producer, together with BullMQ's own delay, which does the waiting. */
  deliverAt?: string;
  /** ISO 8601. Not delivered, listed or counted after this moment. */
  expiresAt?: string;
  /** A new notification replaces the unread one with the same key. */
  collapseKey?: string;
  /** The producer that sent it over HTTP, if its key has a name or a tenant; set by the service. */
  sender?: JobSender;
}

/** The producer of a job. */
export interface JobSender {
  /** The id of its API key, which does not reveal the key. */
  key?: string;
  /** Its name, if it has one: its dedupe keys are its own, see {@link ProducerApiKey}. */
  name?: string;
}

/** A validated and normalized job. */
export interface ParsedJob {
  /** The feeds, each once, in the order given; or the log of an audience. */
  readonly feeds: readonly FeedKey[];
  readonly data: unknown;
  /** `null`: the current version. */
  readonly version: number | null;
  readonly dedupeKey: string | null;
  readonly deliverAt: Date | null;
  readonly expiresAt: Date | null;
  readonly collapseKey: string | null;
  readonly sender: JobSender | null;
}

/** The range of the log's column (`integer`). */
const MAX_VERSION = 2 ** 31 - 1;

const checked = (problemOf: (value: unknown) => string | null) =>
  z.unknown().transform((value, context): string => {
    const problem = problemOf(value);
    if (problem) context.addIssue({ code: 'custom', message: problem });
    return value as string;
  });

const name = checked(nameProblem);
const producerName = checked(producerNameProblem);

const recipients = z.unknown().transform((value, context): string[] => {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0) context.addIssue({ code: 'custom', message: 'must name at least one recipient' });
  if (list.length > MAX_RECIPIENTS) {
    context.addIssue({ code: 'custom', message: tooManyRecipients(list) });
    return z.NEVER;
  }
  list.forEach((recipient, index) => {
    const problem = nameProblem(recipient);
    if (problem)
      context.addIssue({ code: 'custom', message: problem, path: Array.isArray(value) ? [index] : [] });
  });
  // Removed here: one statement must not contain the same key twice.
  return [...new Set(list as string[])];
});

const audience = z.strictObject({ audience: name });

const target = z.unknown().transform((value, context): string[] | AudienceTarget => {
  const isAudience = typeof value === 'object' && value !== null && !Array.isArray(value);
  const { data, error } = (isAudience ? audience : recipients).safeParse(value);
  if (data) return data;
  for (const issue of error.issues) context.addIssue({ ...issue });
  return z.NEVER;
});

const jobSchema = z.strictObject({
  to: target,
  tenant: checked(tenantProblem).optional(),
  // Required; dataProblem() reports it in its own words.
  data: z.unknown().optional(),
  version: z
    .int({ error: 'must be a whole number from 1' })
    .min(1, { error: 'must be a whole number from 1' })
    .max(MAX_VERSION, { error: `must be at most ${MAX_VERSION}` })
    .optional(),
  dedupeKey: name.optional(),
  deliverAt: timestamp.optional(),
  expiresAt: timestamp.optional(),
  collapseKey: name.optional(),
  sender: z.strictObject({ key: name.optional(), name: producerName.optional() }).optional(),
});
/** The fields of a job's data. */
export const JOB_FIELDS = Object.keys(jobSchema.shape);

/**
 * Refuses what is larger than any job, before anything copies, converts or inspects it: the work must not depend on the size of an external
 * input. Takes any value, also one that is not JSON.
 *
 * @throws {InvalidJobError}
 */
export function refuseOversized(input: unknown, known: readonly string[] = JOB_FIELDS): void {
  if (typeof input !== 'object' || input === null) return;
  const { to, sender, data } = input as Readonly<Record<string, unknown>>;
  const fields = [
    ...tooManyNames(input, known),
    ...tooManyNames(to, ['audience'], 'to'),
    ...tooManyNames(sender, ['key', 'name'], 'sender'),
  ];
  if (fields.length > 0) throw new InvalidJobError(fields);
  if (Array.isArray(to) && to.length > MAX_RECIPIENTS) {
    throw new InvalidJobError([{ field: 'to', problem: tooManyRecipients(to) }]);
  }
  const problem = sizeProblem(data);
  if (problem) throw new InvalidJobError([problem]);
}

const tooManyRecipients = ({ length }: readonly unknown[]): string =>
  `must name at most ${MAX_RECIPIENTS} recipients, names ${length}`;

/**
 * Parses a job's data, whatever its source.
 *
 * @throws {InvalidJobError} naming the first invalid fields.
 */
export function parseJobData(input: unknown): ParsedJob {
  refuseOversized(input);
  const result = jobSchema.safeParse(input);
  const fields = result.success
    ? []
    : result.error.issues.flatMap((issue) => describeIssue(issue, JOB_FIELDS, 'data of the job'));
  if (typeof input === 'object' && input !== null) {
    const { data } = input as { data?: unknown };
    const problem = dataProblem(data);
    if (problem) fields.push(problem);
  }
  if (!result.success || fields.length > 0) throw new InvalidJobError(fields);

  const {
    to,
    tenant = '',
    data,
    version,
    dedupeKey,
    deliverAt,
    expiresAt,
    collapseKey,
    sender,
  } = result.data;
  if (deliverAt && expiresAt && deliverAt >= expiresAt) {
    throw new InvalidJobError([{ field: 'expiresAt', problem: 'must be later than deliverAt' }]);
  }
  return {
    feeds: feedsOf(to, tenant),
    data,
    version: version ?? null,
    dedupeKey: dedupeKey ?? null,
    deliverAt: deliverAt ?? null,
    expiresAt: expiresAt ?? null,
    collapseKey: collapseKey ?? null,
    sender: sender ?? null,
  };
}

/** Who has sent a job, from data of any shape. */
export function sentOf(data: unknown): Sent {
  const { to, tenant, sender } = Object(data) as { to?: unknown; tenant?: unknown; sender?: unknown };
  const { name } = Object(sender) as { name?: unknown };
  return {
    tenant: typeof tenant === 'string' ? tenant : '',
    sender: typeof name === 'string' ? name : null,
    toAudience: typeof to === 'object' && to !== null && !Array.isArray(to),
  };
}

const recallSchema = z.strictObject({
  to: target,
  tenant: checked(tenantProblem).optional(),
  dedupeKey: name,
  sender: producerName.nullish(),
});
const RECALL_FIELDS = Object.keys(recallSchema.shape);

/** The target of a recall. */
export interface RecallTarget {
  /** Each once, in the order given. */
  readonly feeds: readonly FeedKey[];
  readonly dedupeKey: string;
  /** The name of the producer; `null`: one without a name, `undefined`: not given. */
  readonly sender: string | null | undefined;
}

/**
 * Parses the target of a recall.
 *
 * @throws {InvalidRequestError} naming the first invalid fields.
 */
export function parseRecall(input: unknown): RecallTarget {
  const given = Object(input) as Readonly<Record<string, unknown>>;
  const tooMany = [...tooManyNames(given, RECALL_FIELDS), ...tooManyNames(given['to'], ['audience'], 'to')];
  if (tooMany.length > 0) throw new InvalidRequestError(tooMany);
  const result = recallSchema.safeParse(input);
  if (!result.success) {
    throw new InvalidRequestError(
      result.error.issues.flatMap((issue) => describeIssue(issue, RECALL_FIELDS, 'body')),
    );
  }
  const { to, tenant = '', dedupeKey, sender } = result.data;
  return { feeds: feedsOf(to, tenant), dedupeKey, sender };
}

function feedsOf(to: string[] | AudienceTarget, tenant: string): FeedKey[] {
  return 'audience' in to
    ? [audienceFeed(tenant, to.audience)]
    : to.map((recipient) => ({ tenant, recipient }));
}

function describeIssue(issue: z.core.$ZodIssue, known: readonly string[], whole: string): InvalidField[] {
  const field = formatPath(issue.path) || whole;
  if (issue.code === 'unrecognized_keys') {
    return unknownNames(issue.keys, known, { what: 'field', at: formatPath(issue.path) });
  }
  return [{ field, problem: issue.message }];
}
