import type { Job, JobsOptions } from 'bullmq';
import type { TraceContext, Tracing } from '../../contract/ports/tracing.js';
import { currentCall, inCall, isRequestId } from '../../platform/call-context.js';

const REQUEST_ID = 'x-request-id';
const KEY_ID = 'x-api-key-id';
const TRACE_FIELDS = ['traceparent', 'tracestate', 'baggage'] as const;

/** What a job carries beside its data, as names and values, in the way of HTTP headers. */
type Carrier = Readonly<Record<string, unknown>>;

/**
 * The options of a job that carry the call which creates it. They are where BullMQ's own telemetry keeps its context, so that workers of
 * every version, and other programs, pass over what they do not know.
 */
export function carryCall(tracing: Tracing | null): Pick<JobsOptions, 'telemetry'> {
  const call = currentCall();
  const active = tracing?.active();
  if (!call && !active) return {};
  return {
    telemetry: {
      metadata: JSON.stringify({ ...active, [REQUEST_ID]: call?.requestId, [KEY_ID]: call?.keyId }),
    },
  };
}

/** The trace that a job continues, whoever has begun it; BullMQ's own telemetry writes it as well. `null`: none. */
export function traceOf({ opts }: Pick<Job<unknown>, 'opts'>): TraceContext | null {
  return traceContextOf(carrierOf(opts));
}

/** The trace in a value that any program may have written. */
export function traceContextOf(carrier: unknown): TraceContext | null {
  const fields = Object(carrier) as Record<string, unknown>;
  const found = TRACE_FIELDS.flatMap((name) =>
    typeof fields[name] === 'string' ? [[name, fields[name]]] : [],
  );
  return found.length > 0 ? (Object.fromEntries(found) as TraceContext) : null;
}

/** Runs the work as a part of the call that created the job. */
export function inCallOf<Result>({ opts }: Pick<Job<unknown>, 'opts'>, work: () => Result): Result {
  const carrier = carrierOf(opts);
  const [requestId, keyId] = [REQUEST_ID, KEY_ID].map((name) =>
    isRequestId(carrier[name]) ? carrier[name] : undefined,
  );
  if (requestId === undefined && keyId === undefined) return work();
  return inCall(
    { ...(requestId !== undefined && { requestId }), ...(keyId !== undefined && { keyId }) },
    work,
  );
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
