import { FeedBusyError, InvalidJobError, LogUnavailableError, TidingsError } from '../../contract/errors.js';

/** The SQLSTATE of an error from Postgres, otherwise `null`. */
export function sqlState(error: unknown): string | null {
  const code: unknown = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/**
 * Whether Postgres rejected the content itself: class 22 (data exception) or 23 (integrity constraint). Any
 * other error (connections, resources, shutdown,
 * even a bug in a statement) may pass, and must not cost a job.
 */
export function isContentError(error: unknown): boolean {
  const state = sqlState(error);
  return state !== null && (state.startsWith('22') || state.startsWith('23'));
}

/**
 * Whether a statement failed because of its session's defaults: `invalid_transaction_state` (an append above
 * READ COMMITTED), `read_only_sql_transaction` or
 * `serialization_failure`. It had no effect, and can run again in a transaction with our settings.
 */
export function isOfDefaults(error: unknown): boolean {
  const state = sqlState(error);
  return state === '25000' || state === '25006' || state === '40001';
}

/** `lock_not_available`: the wait for a feed's lock timed out. */
const LOCK_NOT_AVAILABLE = '55P03';

/** Converts a database error to one of ours. */
export function translate(error: unknown): TidingsError {
  if (error instanceof TidingsError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (isContentError(error)) {
    return new InvalidJobError([
      { field: 'data', problem: `was rejected by Postgres: ${message} (${sqlState(error)})` },
    ]);
  }
  if (sqlState(error) === LOCK_NOT_AVAILABLE)
    return new FeedBusyError('The feed is locked by another transaction.', { cause: error });
  return new LogUnavailableError(`The database did not execute the statement: ${message}`, { cause: error });
}
