import { IncomingMessage } from 'node:http';
import { BadRequestException, PayloadTooLargeException, UnsupportedMediaTypeException } from '@nestjs/common';
import { InvalidRequestError, RequestTimeoutError } from '../../contract/errors.js';
import { BODY_TIMEOUT_MS } from './body-limit.js';
import { headerOf, type HttpRequest } from './http-request.js';
import { refuseExpensiveJson } from './json-bounds.js';

/**
 * The body of a request as a JSON object.
 *
 * @throws as {@link jsonBody} does.
 * @throws {InvalidRequestError} if it is no object.
 */
export async function jsonObject(
  request: HttpRequest,
  maxBytes: number,
): Promise<Readonly<Record<string, unknown>>> {
  return asObject(await jsonBody(request, maxBytes), 'body');
}

/** @throws {InvalidRequestError} naming the field, if the value is no JSON object. */
export function asObject(value: unknown, field: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const actual = value === undefined ? 'missing' : Array.isArray(value) ? 'an array' : typeof value;
    throw new InvalidRequestError([{ field, problem: `must be a JSON object, is ${actual}` }]);
  }
  return value as Readonly<Record<string, unknown>>;
}

/**
 * The body of a request as JSON, `undefined` if there is none. A body parser of the host may have read it, with the host's limit. Otherwise (the
 * service has no parser) it is read here, after the guards, so that strangers cannot make us parse. Bodies that take long to parse are refused,
 * and compressed ones, too: 2 KB can become 2 MB.
 *
 * The media type is required: a page of another site may send forms and plain text without a preflight (CORS), but not JSON.
 *
 * @throws {UnsupportedMediaTypeException} if it is declared as something else, or not at all.
 * @throws {PayloadTooLargeException} if it has more bytes.
 * @throws {RequestTimeoutError} if it takes longer than 10 s.
 * @throws {BadRequestException} if it is no JSON.
 * @throws {InvalidRequestError} if it has too many levels, fields or values.
 */
export async function jsonBody(request: HttpRequest, maxBytes: number): Promise<unknown> {
  const mediaType = headerOf(request, 'content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (mediaType !== 'application/json') {
    const actual = mediaType === '' ? 'missing' : JSON.stringify(mediaType.slice(0, 100));
    throw new UnsupportedMediaTypeException(`The Content-Type must be application/json, is ${actual}.`);
  }
  return isUnread(request) ? parse(await readText(request, maxBytes)) : request.body;
}

function isUnread(request: HttpRequest): request is HttpRequest & IncomingMessage {
  return request.body === undefined && request instanceof IncomingMessage && !request.readableEnded;
}

async function readText(request: IncomingMessage, maxBytes: number): Promise<string> {
  const { 'content-type': type = '', 'content-encoding': encoding = 'identity' } = request.headers;
  if (encoding.toLowerCase() !== 'identity')
    throw new UnsupportedMediaTypeException('The Content-Encoding of the body is not supported.');
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(type)?.[1]?.toLowerCase() ?? 'utf-8';
  if (charset !== 'utf-8' && charset !== 'utf8')
    throw new UnsupportedMediaTypeException('The body must be JSON in UTF-8; its charset is not supported.');
  const bytes = await readBytes(request, maxBytes);
  refuseExpensiveJson(bytes);
  try {
    // Strict: invalid UTF-8 would become U+FFFD, and two different names the same.
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new BadRequestException('The body is not valid UTF-8.');
  }
}

async function readBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = (): PayloadTooLargeException =>
    new PayloadTooLargeException(`The body must have at most ${maxBytes} bytes.`);
  if (Number(request.headers['content-length']) > maxBytes) throw tooLarge();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) settle(() => reject(tooLarge()));
    };
    const end = (): void => settle(() => resolve(Buffer.concat(chunks, length)));
    // The client is gone and reads no response; but this is not an error of the server.
    const abort = (): void =>
      settle(() =>
        reject(new BadRequestException('The client closed the connection before the end of the body.')),
      );
    const timer = setTimeout(
      () => settle(() => reject(new RequestTimeoutError(BODY_TIMEOUT_MS))),
      BODY_TIMEOUT_MS,
    );
    const settle = (done: () => void): void => {
      clearTimeout(timer);
      request.off('data', take).off('end', end).off('close', abort);
      // Node discards a body by itself only if nobody began to read it; the rest would block the next request of this connection.
      request.resume();
      done();
    };
    request
      .on('data', take)
      .on('end', end)
      .on('close', abort)
      .on('error', () => {});
    if (request.destroyed) abort();
  });
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadRequestException(`The body is not valid JSON: ${(error as Error).message}.`);
  }
}
