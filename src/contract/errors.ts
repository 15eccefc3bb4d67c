import { cut } from './cut.js';

/** An invalid field of an input, and how to fix it. */
export interface InvalidField {
  /** A path such as `data.total.currency` or `to[3]`. */
  readonly field: string;
  /** The problem, with the actual value unless it may be secret. */
  readonly problem: string;
}

/**
 * The base class of every error that Tidings throws on purpose. `code` is stable and safe to switch on;
 * {@link ERROR_TABLE} maps it to an HTTP status and
 * to whether a retry can help.
 */
export abstract class TidingsError extends Error {
  abstract readonly code: ErrorCode;
  /** The invalid fields, if the error is about an input. */
  readonly fields: readonly InvalidField[] = [];

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Every code with its HTTP status, its title, and whether the same call may succeed later. */
export const ERROR_TABLE = {
  'invalid-request': { status: 400, title: 'The request is not valid', retry: false },
  'invalid-job': { status: 400, title: 'The job is not valid', retry: false },
  'unknown-type': { status: 400, title: 'The type of notification is not declared', retry: false },
  'invalid-settings': { status: 500, title: 'The settings are not valid', retry: false },
  unauthenticated: { status: 401, title: 'The credential is missing or not valid', retry: false },
  forbidden: { status: 403, title: 'The credential does not allow this', retry: false },
  'origin-not-allowed': { status: 403, title: 'The origin is not allowed', retry: false },
  'not-found': { status: 404, title: 'Not found', retry: false },
  'method-not-allowed': { status: 405, title: 'This method is not allowed here', retry: false },
  'request-timeout': { status: 408, title: 'The body did not arrive in time', retry: true },
  'already-acted': { status: 409, title: 'Another action was chosen', retry: false },
  conflict: { status: 409, title: 'The state of the resource does not allow this', retry: false },
  'too-large': { status: 413, title: 'The request is too large', retry: false },
  'unsupported-media-type': { status: 415, title: 'The body must be JSON', retry: false },
  'idempotency-key-reused': {
    status: 422,
    title: 'This Idempotency-Key was already used with another body',
    retry: false,
  },
  'rate-limited': { status: 429, title: 'There are too many requests', retry: true },
  'queue-unavailable': { status: 503, title: 'The queue did not take the job in time', retry: true },
  'log-unavailable': { status: 503, title: 'The database did not answer', retry: true },
  'feed-busy': { status: 503, title: 'The feed is locked by another transaction', retry: true },
  'key-server-unavailable': { status: 503, title: 'The key server did not answer', retry: true },
  draining: { status: 503, title: 'This instance is shutting down', retry: true },
  internal: { status: 500, title: 'Internal error', retry: true },
} as const satisfies Record<string, { status: number; title: string; retry: boolean }>;

/** The stable error codes; the member `code` of `application/problem+json`. */
export type ErrorCode = keyof typeof ERROR_TABLE;

/** A request that can never succeed as it is; names the first invalid fields. */
export class InvalidRequestError extends TidingsError {
  readonly code = 'invalid-request';
  override readonly fields: readonly InvalidField[];
  constructor(fields: readonly InvalidField[], message = describeFields('The request is not valid', fields)) {
    super(cut(message));
    this.fields = firstFields(fields);
  }
}

/** A job that can never become an entry; names the first invalid fields. Such a job fails without a retry. */
export class InvalidJobError extends TidingsError {
  readonly code = 'invalid-job';
  override readonly fields: readonly InvalidField[];
  constructor(fields: readonly InvalidField[], message = describeFields('The job is not valid', fields)) {
    super(cut(message));
    this.fields = firstFields(fields);
  }
}

/** A job whose type this process does not declare; during a rolling deploy another process may. */
export class UnknownTypeError extends TidingsError {
  readonly code = 'unknown-type';
  override readonly fields: readonly InvalidField[];
  constructor(
    readonly type: string,
    readonly declared: readonly string[],
  ) {
    const shown = JSON.stringify(cut(type, 100));
    super(cut(`The type ${shown} is not declared; declared are ${declared.join(', ')}.`));
    this.fields = [{ field: 'type', problem: `is not declared: ${shown}` }];
  }
}

/** Invalid or contradictory settings or options; lists all of them. */
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

/** The credential is missing, malformed, expired, or not signed by a trusted key; the message gives the reason. */
export class UnauthenticatedError extends TidingsError {
  readonly code = 'unauthenticated';
}

/** The credential is valid but does not allow the request. */
export class ForbiddenError extends TidingsError {
  readonly code = 'forbidden';
}

/** A request with a cookie came from an origin that is not allowed (cross-site request forgery). */
export class OriginNotAllowedError extends TidingsError {
  readonly code = 'origin-not-allowed';
}

/** The resource does not exist, or not for this credential: the two must be indistinguishable. */
export class NotFoundError extends TidingsError {
  readonly code = 'not-found';
  override readonly fields: readonly InvalidField[];
  constructor(
    fields: readonly InvalidField[],
    message = describeFields('There is no such thing here', fields),
  ) {
    super(cut(message));
    this.fields = firstFields(fields);
  }
}

/** The request conflicts with the state of the resource. */
export class ConflictError extends TidingsError {
  readonly code = 'conflict';
}

/** Another action of the notification was chosen before, maybe on another device. */
export class AlreadyActedError extends TidingsError {
  readonly code = 'already-acted';
  constructor(
    /** The action that was chosen. */
    readonly action: string,
    /** ISO 8601. */
    readonly at: string,
  ) {
    super(`The action "${action}" was chosen at ${at}, and a notification has one answer.`);
  }
}

/** The Idempotency-Key was already used with another body. */
export class IdempotencyKeyReusedError extends TidingsError {
  readonly code = 'idempotency-key-reused';

  constructor() {
    super('This Idempotency-Key was already used with another body; use a new key for a new notification.');
  }
}

/** The body did not arrive in time. */
export class RequestTimeoutError extends TidingsError {
  readonly code = 'request-timeout';

  constructor(afterMs: number) {
    super(`The body must arrive within ${afterMs} ms.`);
  }
}

/** The recipient or the producer sends more requests than its limit allows. */
export class RateLimitedError extends TidingsError {
  readonly code = 'rate-limited';

  constructor(
    /** When the next request is allowed, ms from now. */
    readonly retryAfterMs: number,
  ) {
    super(`There are too many requests; the next one is allowed in ${Math.ceil(retryAfterMs)} ms.`);
  }
}

/** The queue is unavailable or too slow. The job may not be stored: retry with the same key. */
export class QueueUnavailableError extends TidingsError {
  readonly code = 'queue-unavailable';
}

/** The database is unavailable, too slow or rejecting work. The change may not be stored: retry. */
export class LogUnavailableError extends TidingsError {
  readonly code = 'log-unavailable';
}

/** One feed stays locked by another transaction; the database and other feeds are fine. */
export class FeedBusyError extends TidingsError {
  readonly code = 'feed-busy';
}

/** The JWKS endpoint did not answer, so tokens cannot be verified at the moment. */
export class KeyServerUnavailableError extends TidingsError {
  readonly code = 'key-server-unavailable';
}

/** Whether the same call may succeed later. True for unknown errors: a bug must not cost a job. */
export function isRetryable(error: unknown): boolean {
  return error instanceof TidingsError ? ERROR_TABLE[error.code].retry : true;
}

/** The most invalid fields that an error lists. */
export const MAX_LISTED_FIELDS = 20;
/** Names and values in it are external. */
const MAX_FIELD_LENGTH = 300;

/** One sentence that names the first invalid fields, and counts all if there are more. */
export function describeFields(what: string, fields: readonly InvalidField[], count = fields.length): string {
  const listed = firstFields(fields).map(({ field, problem }) => `${field} ${problem}`);
  const all = count > listed.length ? ` (${count} problems, of which these are the first)` : '';
  return `${what}${all}: ${listed.join('; ')}.`;
}

function firstFields(fields: readonly InvalidField[]): readonly InvalidField[] {
  return fields.slice(0, MAX_LISTED_FIELDS).map(({ field, problem }) => ({
    field: cut(field, MAX_FIELD_LENGTH),
    problem: cut(problem, MAX_FIELD_LENGTH),
  }));
}
