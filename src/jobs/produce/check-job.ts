import { InvalidJobError } from '../../contract/errors.js';
import { parseJobData, refuseOversized, type JobData, type ParsedJob } from '../../contract/model/job.js';
import { describeError } from '../../platform/logging/describe-error.js';
import type { Prepared, TypeRegistry } from '../../types/type-registry.js';

/** A job that passed every check possible before it runs. */
export interface CheckedJob {
  readonly type: string;
  /** The data as the worker reads it: dates are strings, undefined fields are absent. */
  readonly sent: JobData;
  readonly parsed: ParsedJob;
  /** The validated data, ready to be rendered. */
  readonly prepared: Prepared;
}

/**
 * Validates a job before it is sent.
 *
 * @throws {InvalidJobError} naming every invalid field.
 * @throws {UnknownTypeError}
 */
export async function checkJob(
  types: TypeRegistry,
  type: string,
  data: unknown,
  now = Date.now(),
): Promise<CheckedJob> {
  refuseOversized(data);
  const sent = throughJson(data);
  // Before the data: without a known type there is no schema to check it with.
  types.get(type);
  const parsed = parseJobData(sent);
  refuseExpired(parsed, now);
  const prepared = await types.prepare(type, parsed.data, parsed.version);
  // parseJobData has validated it.
  return { type, sent: sent as JobData, parsed, prepared };
}

/** The delay in ms until the job is due; 0 if it is due now. BullMQ counts a delay from the job's timestamp. */
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
