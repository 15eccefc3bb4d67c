import type { Job, JobsOptions } from 'bullmq';
import { currentCall, inCall, isRequestId } from '../../platform/call-context.js';

const REQUEST_ID = 'x-request-id';

/** What a job carries beside its data, as names and values, in the way of HTTP headers. */
type Carrier = Readonly<Record<string, unknown>>;

/**
 * The options of a job that carry the call which creates it. They are where BullMQ's own telemetry keeps its context, so that workers of
 * every version, and other programs, pass over what they do not know.
 */
export function carryCall(): Pick<JobsOptions, 'telemetry'> {
  const call = currentCall();
  return call ? { telemetry: { metadata: JSON.stringify({ [REQUEST_ID]: call.requestId }) } } : {};
}

/** Runs the work as a part of the call that created the job. */
export function inCallOf<Result>({ opts }: Job<unknown>, work: () => Result): Result {
  const requestId = carrierOf(opts)[REQUEST_ID];
  return isRequestId(requestId) ? inCall({ requestId }, work) : work();
}

/** Any program can write a job: what is no carrier is none. */
function carrierOf({ telemetry }: JobsOptions): Carrier {
  const { metadata } = Object(telemetry) as { metadata?: unknown };
  if (typeof metadata !== 'string') return {};
  try {
    return Object(JSON.parse(metadata)) as Carrier;
  } catch {
    return {};
  }
}
