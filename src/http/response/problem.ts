import { randomInt, randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import {
  AlreadyActedError,
  ERROR_TABLE,
  RateLimitedError,
  TidingsError,
  type ErrorCode,
  type InvalidField,
} from '../../contract/errors.js';
import { PromptedError } from '../credentials/admin-prompt.js';
import { InvalidTokenError } from '../credentials/invalid-token.error.js';
import { printable } from '../../platform/logging/printable.js';
import { MethodNotAllowed } from './method-not-allowed.js';

/** The body of every error: `application/problem+json` (RFC 9457). */
export interface Problem {
  /**
   * The RFC's type for problems without a page of their own; `code` distinguishes them. `title` is the sentence of the code, which says
   * more than the status phrase that the RFC proposes.
   */
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  /** The cause, for this request. */
  readonly detail: string;
  /** Stable; one of {@link ErrorCode}, or the status phrase in kebab case for a status that has none. */
  readonly code: string;
  /** For an error of the server: its log has the same, to find the error. */
  readonly instance?: string;
  /** The wrong fields, at most 20; `detail` has the number of all. */
  readonly errors?: readonly InvalidField[];
  /** With the code `already-acted`: what was chosen, and when. */
  readonly action?: string;
  readonly at?: string;
}

/** The response to an error. */
export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
  /** `unexpected`: a bug, logged with its stack; `unavailable`: temporary; `refused`: the caller's fault, not logged. */
  readonly kind: 'refused' | 'unavailable' | 'unexpected';
}

const MAX_DETAIL_LENGTH = 1_000;
const MAX_FIELD_LENGTH = 300;

/** The response to an error. The text of a server error (addresses, statements) is only logged. */
export function answerTo(error: unknown): ProblemAnswer {
  if (error instanceof TidingsError) return answerToOurs(error);
  const status = clientErrorStatus(error);
  if (status === null) return unexpected();
  const code = CODE_OF_STATUS[status] ?? kebab(STATUS_CODES[status] ?? `status ${status}`);
  const title = isErrorCode(code) ? ERROR_TABLE[code].title : (STATUS_CODES[status] ?? 'Error');
  return {
    kind: status < 500 ? 'refused' : 'unavailable',
    problem: {
      type: 'about:blank',
      title,
      status,
      detail: printable(detailOf(error), MAX_DETAIL_LENGTH),
      code,
    },
    headers: {
      ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
      ...(error instanceof MethodNotAllowed && { Allow: error.allow }),
    },
  };
}

function answerToOurs(error: TidingsError): ProblemAnswer {
  const { status, title, retry } = ERROR_TABLE[error.code];
  if (status === 500) return unexpected();
  const refused = status < 500;
  return {
    kind: refused ? 'refused' : 'unavailable',
    problem: {
      type: 'about:blank',
      title,
      status,
      detail: refused ? printable(error.message, MAX_DETAIL_LENGTH) : `${title}. Try again in a moment.`,
      code: error.code,
      ...(error.fields.length > 0 && { errors: error.fields.map(printableField) }),
      ...(error instanceof AlreadyActedError && { action: error.action, at: error.at }),
    },
    headers: {
      ...(status === 401 && { 'WWW-Authenticate': challenge(error) }),
      ...(retry && { 'Retry-After': retryAfter(error) }),
      // The rest of the body would have to be read before the next request.
      ...(status === 408 && { Connection: 'close' }),
    },
  };
}

/** In seconds. Jittered unless it is the caller's alone, so that clients that were refused together do not retry together. */
function retryAfter(error: TidingsError): string {
  return String(error instanceof RateLimitedError ? Math.ceil(error.retryAfterMs / 1_000) : randomInt(1, 6));
}

function unexpected(): ProblemAnswer {
  const { status, title } = ERROR_TABLE.internal;
  const instance = `urn:uuid:${randomUUID()}`;
  const detail = 'The error is in the log of the server, under this instance.';
  return {
    kind: 'unexpected',
    problem: { type: 'about:blank', title, status, detail, code: 'internal', instance },
    headers: {},
  };
}

/** RFC 6750, section 3: no error code if the credential is missing. The description must be in a subset of ASCII. */
function challenge(error: TidingsError): string {
  if (error instanceof PromptedError) return error.challenge;
  if (!(error instanceof InvalidTokenError)) return 'Bearer';
  const description = printable(error.message, MAX_FIELD_LENGTH).replace(/[^\x20-\x7e]|["\\]/g, "'");
  return `Bearer error="invalid_token", error_description="${description}"`;
}

/**
 * The status of an error, or `null` for a bug. Nest's exceptions (also of a host's guards) have one, and the 4xx of `http-errors` and Fastify,
 * which body parsers throw. Their 5xx are about the server's files and streams.
 */
function clientErrorStatus(error: unknown): number | null {
  if (error instanceof HttpException) return error.getStatus() === 500 ? null : error.getStatus();
  if (!(error instanceof Error)) return null;
  const { statusCode, expose } = error as Error & { statusCode?: unknown; expose?: unknown };
  const isClientError = Number.isInteger(statusCode) && Number(statusCode) >= 400 && Number(statusCode) < 500;
  return isClientError && expose !== false ? Number(statusCode) : null;
}

function detailOf(error: unknown): string {
  const cause = (error instanceof HttpException ? error.cause : null) ?? error;
  const { type, code, limit, message } = cause as Record<string, unknown>;
  if (type === 'entity.parse.failed') return `The body is not valid JSON: ${String(message)}.`;
  if (type === 'entity.too.large') return `The body must have at most ${String(limit)} bytes.`;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return 'The body has too many bytes.';
  if (type === 'encoding.unsupported') return 'The Content-Encoding of the body is not supported.';
  if (type === 'charset.unsupported') return 'The body must be JSON in UTF-8; its charset is not supported.';
  if (error instanceof HttpException) {
    const answer = error.getResponse();
    const messages = typeof answer === 'object' ? (answer as { message?: unknown }).message : answer;
    // A host's ValidationPipe answers with a list.
    if (Array.isArray(messages)) return messages.map(String).join('; ');
  }
  return error instanceof Error ? error.message : '';
}

const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'invalid-request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  405: 'method-not-allowed',
  409: 'conflict',
  413: 'too-large',
  415: 'unsupported-media-type',
};

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_TABLE, code);
}

function printableField({ field, problem }: InvalidField): InvalidField {
  return { field: printable(field, MAX_FIELD_LENGTH), problem: printable(problem, MAX_FIELD_LENGTH) };
}

function kebab(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
