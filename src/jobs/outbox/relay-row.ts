import { InvalidJobError } from '../../contract/errors.js';
import { parseJobData, type JobData, type ParsedJob } from '../../contract/model/job.js';
import { typeNameProblem } from '../../contract/model/notification-type.js';
import { delayOf, type CheckedJob } from '../produce/check-job.js';
import { NewerVersionError, type Prepared, type TypeRegistry } from '../../types/type-registry.js';
import type { DeliverableJob } from '../deliver/delivery.js';
import type { TraceContext } from '../../contract/ports/tracing.js';
import { traceContextOf } from '../queue/job-carrier.js';
import { outboxJobId } from './outbox-job.js';

/** A row of `tidings.outbox`. Any SQL client can write one: all columns but two may hold any value of their type. */
export interface RawRow {
  readonly id: string;
  readonly type: string | null;
  readonly recipients: (string | null)[] | null;
  readonly audience: string | null;
  readonly tenant: string | null;
  /** JSON text. */
  readonly data: string | null;
  readonly version: number | null;
  readonly dedupe_key: string | null;
  /** Times are milliseconds, `Infinity` or `-Infinity`. */
  readonly deliver_at: string | null;
  readonly expires_at: string | null;
  readonly collapse_key: string | null;
  /** JSON text. */
  readonly trace_context: string | null;
  readonly created_at: string;
}

/** A job in the form of BullMQ's `addBulk`. */
export interface QueuedJob {
  readonly name: string;
  readonly data: JobData;
  readonly opts: {
    readonly jobId: string;
    readonly timestamp: number;
    readonly delay?: number;
    readonly telemetry?: { readonly metadata: string };
  };
}

/** The job of a row, for the queue and for direct delivery. */
export interface RelayedJob {
  readonly queued: QueuedJob;
  /** `null`: the job must go to the queue, because it is due later, or another process may know its type or version. */
  readonly deliverable: DeliverableJob | null;
  /** The trace that it continues. */
  readonly trace: TraceContext | null;
}

/**
 * The job of a row. Id and timestamp are the row's, so that the default dedupe key is the same each time the row is relayed, and a row from
 * before an erasure makes no entry after it.
 *
 * An undeclared type, or data of a newer version, is accepted: during a rolling deploy, the worker that runs the job may know it.
 *
 * @throws {InvalidJobError} that names the invalid columns.
 */
export async function jobOfRow(
  row: RawRow,
  { types, queueName }: { readonly types: TypeRegistry; readonly queueName: string },
  now = Date.now(),
): Promise<RelayedJob> {
  const { type, sent, parsed, prepared } = await checked(row, types);
  const timestamp = Number(row.created_at);
  if (!isTime(timestamp)) throw new InvalidJobError([{ field: 'created_at', problem: 'must be finite' }]);
  const id = outboxJobId(row.id);
  const delay = delayOf(parsed, now, timestamp);
  const trace = traceContextOf(row.trace_context === null ? null : JSON.parse(row.trace_context));
  const telemetry = trace && { telemetry: { metadata: JSON.stringify(trace) } };
  return {
    trace,
    queued: {
      name: type,
      data: sent,
      opts: { jobId: id, timestamp, ...(delay > 0 && { delay }), ...telemetry },
    },
    deliverable:
      prepared && delay === 0
        ? { identity: { queue: queueName, id, timestamp }, type, parsed, prepared }
        : null,
  };
}

interface CheckedRow extends Omit<CheckedJob, 'prepared'> {
  readonly prepared: Prepared | null;
}

async function checked(row: RawRow, types: TypeRegistry): Promise<CheckedRow> {
  const problem = typeNameProblem(row.type ?? undefined);
  if (problem) throw new InvalidJobError([{ field: 'type', problem }]);
  const type = row.type!;
  const sent = dataOf(row) as unknown as JobData;
  try {
    const parsed = parseJobData(sent);
    return { type, sent, parsed, prepared: await preparedOf(type, parsed, types) };
  } catch (error) {
    throw error instanceof InvalidJobError ? inColumns(error) : error;
  }
}

async function preparedOf(
  type: string,
  { data, version }: ParsedJob,
  types: TypeRegistry,
): Promise<Prepared | null> {
  if (!types.find(type)) return null;
  try {
    return await types.prepare(type, data, version);
  } catch (error) {
    if (error instanceof NewerVersionError) return null;
    throw error;
  }
}

function dataOf(row: RawRow): Record<keyof JobData, unknown> {
  const sent = {
    to: targetOf(row),
    tenant: row.tenant ?? undefined,
    data: row.data === null ? undefined : (JSON.parse(row.data) as unknown),
    version: row.version ?? undefined,
    dedupeKey: row.dedupe_key ?? undefined,
    deliverAt: timeOf(row.deliver_at),
    expiresAt: timeOf(row.expires_at),
    collapseKey: row.collapse_key ?? undefined,
    // Whoever may insert rows is the application, not a producer over HTTP.
    sender: undefined,
  };
  // JSON leaves undefined fields out.
  return JSON.parse(JSON.stringify(sent)) as typeof sent;
}

function targetOf({ recipients, audience }: RawRow): unknown {
  if (audience === null) return recipients ?? undefined;
  if (recipients === null) return { audience };
  throw new InvalidJobError([{ field: 'audience', problem: 'must not be given beside recipients' }]);
}

function timeOf(value: string | null): string | undefined {
  if (value === null) return undefined;
  return isTime(Number(value)) ? new Date(Number(value)).toISOString() : value;
}

/** Postgres has times that a Date cannot hold: infinite ones, and those of distant years. */
function isTime(ms: number): boolean {
  return !Number.isNaN(new Date(ms).getTime());
}

const COLUMNS: Readonly<Record<string, string>> = {
  to: 'recipients',
  dedupeKey: 'dedupe_key',
  deliverAt: 'deliver_at',
  expiresAt: 'expires_at',
  collapseKey: 'collapse_key',
};

/** Names the columns, for a reader of the table. */
function inColumns(error: InvalidJobError): InvalidJobError {
  return new InvalidJobError(
    error.fields.map(({ field, problem }) => {
      if (field === 'to.audience') return { field: 'audience', problem };
      const [name = field] = /^\w+/.exec(field) ?? [];
      return { field: (COLUMNS[name] ?? name) + field.slice(name.length), problem };
    }),
  );
}
