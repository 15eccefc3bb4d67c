/** One wrong field of an input: where it is, and what would be right. */
export interface InvalidField {
  /** A path such as `data.total.currency` or `to[3]`. */
  readonly field: string;
  /** What is wrong with it, with the actual value where that is safe to repeat. */
  readonly problem: string;
}

/**
 * The base of every error that Tidings throws on purpose. `code` is stable and may be switched on;
 * {@link ERROR_TABLE} says for each code which HTTP status it has and whether trying again can help.
 */
export abstract class TidingsError extends Error {
  abstract readonly code: ErrorCode;
  /** The wrong fields, where the error is about an input. */
  readonly fields: readonly InvalidField[] = [];

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Every code, with its HTTP status, its title and whether the same call may succeed later. */
export const ERROR_TABLE = {
  'invalid-request': { status: 400, title: 'The request is not valid', retry: false },
  'invalid-job': { status: 400, title: 'The job is not valid', retry: false },
  'unknown-type': { status: 400, title: 'The type of notification is not declared', retry: false },
  'invalid-settings': { status: 500, title: 'The settings are not valid', retry: false },
  unauthenticated: { status: 401, title: 'The credential is missing or not valid', retry: false },
  forbidden: { status: 403, title: 'The credential does not allow this', retry: false },
  'origin-not-allowed': { status: 403, title: 'The origin is not allowed', retry: false },
  'not-found': { status: 404, title: 'There is no such thing here', retry: false },
  'method-not-allowed': { status: 405, title: 'This method is not allowed here', retry: false },
  conflict: { status: 409, title: 'The state of the resource does not allow this', retry: false },
  'too-large': { status: 413, title: 'The request is too large', retry: false },
  'unsupported-media-type': { status: 415, title: 'The body must be JSON', retry: false },
  'idempotency-key-reused': {
    status: 422,
    title: 'This Idempotency-Key came with another body',
    retry: false,
  },
  'queue-unavailable': { status: 503, title: 'The queue did not take the job in time', retry: true },
  'log-unavailable': { status: 503, title: 'The database did not answer', retry: true },
  'feed-busy': { status: 503, title: 'The feed is locked by another transaction', retry: true },
  'key-server-unavailable': { status: 503, title: 'The key server did not answer', retry: true },
  draining: { status: 503, title: 'This instance is going away', retry: true },
  internal: { status: 500, title: 'Something went wrong on our side', retry: true },
} as const satisfies Record<string, { status: number; title: string; retry: boolean }>;

/** The stable codes of errors; in `application/problem+json` the member `code`. */
export type ErrorCode = keyof typeof ERROR_TABLE;

/** A request that can never succeed as it is; names each wrong field. */
export class InvalidRequestError extends TidingsError {
  readonly code = 'invalid-request';
  constructor(
    override readonly fields: readonly InvalidField[],
    message = describeFields('The request is not valid', fields),
  ) {
    super(message);
  }
}

/** A job whose data can never become an entry; names each wrong field. Such a job fails without a retry. */
export class InvalidJobError extends TidingsError {
  readonly code = 'invalid-job';
  constructor(
    override readonly fields: readonly InvalidField[],
    message = describeFields('The job is not valid', fields),
  ) {
    super(message);
  }
}

/** A job of a type that this process does not declare; another process may, during a rolling deploy. */
export class UnknownTypeError extends TidingsError {
  readonly code = 'unknown-type';
  override readonly fields: readonly InvalidField[];
  constructor(
    readonly type: string,
    readonly declared: readonly string[],
  ) {
    super(`The type ${JSON.stringify(type)} is not declared; declared are ${declared.join(', ')}.`);
    this.fields = [{ field: 'type', problem: `is not declared: ${JSON.stringify(type)}` }];
  }
}

/** Settings or options that are wrong or contradict each other: all of them, not only the first. */
export class InvalidSettingsError extends TidingsError {
  readonly code = 'invalid-settings';
  constructor(
    override readonly fields: readonly InvalidField[],
    message = ['These settings are not valid:', ...fields.map((f) => `  - ${f.field}: ${f.problem}`)].join(
      '\n',
    ),
  ) {
    super(message);
  }
}

/** The credential is missing, malformed, expired or not signed by whom we trust. The message says which. */
export class UnauthenticatedError extends TidingsError {
  readonly code = 'unauthenticated';
}

/** A verified credential that does not allow what was asked. */
export class ForbiddenError extends TidingsError {
  readonly code = 'forbidden';
}

/** A cookie came with a request from an origin that is not in the list (cross-site request forgery). */
export class OriginNotAllowedError extends TidingsError {
  readonly code = 'origin-not-allowed';
}

/** There is no such thing, or not for this credential: the two must not be told apart. */
export class NotFoundError extends TidingsError {
  readonly code = 'not-found';
  constructor(
    override readonly fields: readonly InvalidField[],
    message = describeFields('There is no such thing here', fields),
  ) {
    super(message);
  }
}

/** What was asked does not fit the state that the thing is in. */
export class ConflictError extends TidingsError {
  readonly code = 'conflict';
}

/** The same Idempotency-Key was used before, with another body. */
export class IdempotencyKeyReusedError extends TidingsError {
  readonly code = 'idempotency-key-reused';

  constructor() {
    super(
      'This Idempotency-Key came with another type or other data before; take a new key for a new notification.',
    );
  }
}

/** The queue is away or too slow; nothing is known to be stored, so the caller tries again with the same key. */
export class QueueUnavailableError extends TidingsError {
  readonly code = 'queue-unavailable';
}

/** The database is away, too slow or refusing work for now. Nothing of the call is known to be stored. */
export class LogUnavailableError extends TidingsError {
  readonly code = 'log-unavailable';
}

/** One feed has been locked for long by another transaction; the database itself is well, and other feeds go on. */
export class FeedBusyError extends TidingsError {
  readonly code = 'feed-busy';
}

/** The JWKS endpoint did not answer, so no token can be checked for now. */
export class KeyServerUnavailableError extends TidingsError {
  readonly code = 'key-server-unavailable';
}

/** Whether the same call may succeed later. Unknown errors count as passing: a job must not be lost to a bug. */
export function isRetryable(error: unknown): boolean {
  return error instanceof TidingsError ? ERROR_TABLE[error.code].retry : true;
}

/** One sentence that names each wrong field. */
export function describeFields(what: string, fields: readonly InvalidField[]): string {
  return `${what}: ${fields.map((f) => `${f.field} ${f.problem}`).join('; ')}.`;
}
