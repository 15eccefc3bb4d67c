import { InvalidJobError } from '../../contract/errors.js';
import { parseJobData, type JobData, type ParsedJob } from '../../contract/model/job.js';
import { describeError } from '../../platform/logging/describe-error.js';
import type { TypeRegistry } from '../../types/type-registry.js';

/** A job that can become an entry, as far as can be known before it runs. */
export interface CheckedJob {
  readonly type: string;
  /** What the worker will read: dates are texts by then, and undefined fields are gone. */
  readonly sent: JobData;
  readonly parsed: ParsedJob;
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
  const definition = types.get(type);
  const parsed = parseJobData(sent);
  refuseExpired(parsed, now);
  await types.validate(definition, parsed.data, parsed.version);
  // parseJobData has just said so.
  return { type, sent: sent as JobData, parsed };
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
