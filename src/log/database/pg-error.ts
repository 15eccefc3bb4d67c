import { FeedBusyError, InvalidJobError, LogUnavailableError, TidingsError } from '../../contract/errors.js';

/** The five characters of an SQLSTATE, if this error came from Postgres. */
export function sqlState(error: unknown): string | null {
  const code: unknown = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/**
 * Whether Postgres refuses the content itself: class 22 (data exception) and 23 (integrity constraint). Anything else
 * (connections, resources, shutdown, even a bug in a statement) may pass, and a job must not be lost to it.
 */
export function isContentError(error: unknown): boolean {
  const state = sqlState(error);
  return state !== null && (state.startsWith('22') || state.startsWith('23'));
}

/**
 * Whether a statement failed for the defaults of its session: `invalid_transaction_state` (the append, on an isolation level of more than READ COMMITTED),
 * `read_only_sql_transaction`, `serialization_failure`. It has done nothing, and may be run again in a transaction of ours.
 */
export function isOfDefaults(error: unknown): boolean {
  const state = sqlState(error);
  return state === '25000' || state === '25006' || state === '40001';
}

/** `lock_not_available`: a statement of ours waited for a feed as long as it may. */
const LOCK_NOT_AVAILABLE = '55P03';

/** The error of ours that stands for a failed statement. */
export function translate(error: unknown): TidingsError {
  if (error instanceof TidingsError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (isContentError(error)) {
    return new InvalidJobError([
      { field: 'data', problem: `was refused by Postgres: ${message} (${sqlState(error)})` },
    ]);
  }
  if (sqlState(error) === LOCK_NOT_AVAILABLE)
    return new FeedBusyError('Another transaction holds the feed.', { cause: error });
  return new LogUnavailableError(`The database did not take the statement: ${message}`, { cause: error });
}
