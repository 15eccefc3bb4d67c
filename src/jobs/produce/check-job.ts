import { InvalidJobError } from '../../contract/errors.js';
import { parseJobData, type JobData, type ParsedJob } from '../../contract/model/job.js';
import { describeError } from '../../platform/logging/describe-error.js';
import type { Prepared, TypeRegistry } from '../../types/type-registry.js';

/** A job that can become an entry, as far as can be known before it runs. */
export interface CheckedJob {
  readonly type: string;
  /** What the worker will read: dates are texts by then, and undefined fields are gone. */
  readonly sent: JobData;
  readonly parsed: ParsedJob;
  /** The validated data, ready to be rendered. */
  readonly prepared: Prepared;
}

/**
 * Checks a job before it goes anywhere.
 *
 * @throws {InvalidJobError} naming every wrong field.
 * @throws {UnknownTypeError}
 */
export async function checkJob(
  types: TypeRegistry,
  type: string,
  data: unknown,
  now = Date.now(),
): Promise<CheckedJob> {
  const sent = throughJson(data);
  // Before the data: of a type that nobody knows, nothing else can be said.
  types.get(type);
  const parsed = parseJobData(sent);
  refuseExpired(parsed, now);
  const prepared = await types.prepare(type, parsed.data, parsed.version);
  // parseJobData has checked it.
  return { type, sent: sent as JobData, parsed, prepared };
}

/** How long after `from` (ms) the job is to be delivered: 0 if that is now. BullMQ counts a delay from the job's timestamp. */
export function delayOf({ deliverAt }: ParsedJob, now: number, from = now): number {
  return deliverAt && deliverAt.getTime() > now ? Math.max(0, deliverAt.getTime() - from) : 0;
}

function throughJson(data: unknown): unknown {
  try {
    const json = JSON.stringify(data) as string | undefined;
    return json === undefined ? undefined : JSON.parse(json);
  } catch (error) {
    throw new InvalidJobError([
      { field: 'data of the job', problem: `must be JSON: ${describeError(error)}` },
    ]);
  }
}

function refuseExpired({ expiresAt }: ParsedJob, now: number): void {
  if (expiresAt === null || expiresAt.getTime() > now) return;
  throw new InvalidJobError([
    { field: 'expiresAt', problem: `must be in the future, is ${expiresAt.toISOString()}` },
  ]);
}
