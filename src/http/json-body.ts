import { UnsupportedMediaTypeException } from '@nestjs/common';
import { InvalidRequestError } from '../contract/errors.js';
import { headerOf, type HttpRequest } from './http-request.js';

/**
 * The body of a request as a JSON object.
 *
 * The media type is insisted on: a page of another site may send forms and plain text without a preflight (CORS), JSON not.
 *
 * @throws {UnsupportedMediaTypeException} if it is declared as something else, or not at all.
 * @throws {InvalidRequestError} if it is no object.
 */
export function jsonObject(request: HttpRequest): Readonly<Record<string, unknown>> {
  const mediaType = headerOf(request, 'content-type')?.split(';')[0]?.trim().toLowerCase() ?? '';
  if (mediaType !== 'application/json') {
    const actual = mediaType === '' ? 'missing' : JSON.stringify(mediaType.slice(0, 100));
    throw new UnsupportedMediaTypeException(`The Content-Type must be application/json, is ${actual}.`);
  }
  const { body } = request;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    const actual = body === undefined ? 'missing' : Array.isArray(body) ? 'an array' : typeof body;
    throw new InvalidRequestError([{ field: 'body', problem: `must be a JSON object, is ${actual}` }]);
  }
  return body as Readonly<Record<string, unknown>>;
}
