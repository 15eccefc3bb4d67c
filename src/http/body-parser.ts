import { MAX_BODY_BYTES } from './body-limit.js';
import type { ProducerKeys } from './credentials/producer-keys.js';
import { headerOf, type HttpRequest } from './http-request.js';

/**
 * The options of the service's JSON parser, which runs before any guard. It reads a body only where one is expected and the API key is right:
 * parsing 1.8 MB of nested brackets takes over a second of the event loop, and nobody may have that for nothing. A compressed
 * body (415) would make it 2 KB.
 */
export function jsonParserOptions(keys: ProducerKeys | null) {
  return {
    limit: MAX_BODY_BYTES,
    inflate: false,
    type: (request: unknown): boolean => keys !== null && isPublishing(request as HttpRequest, keys),
  };
}

function isPublishing(request: HttpRequest, keys: ProducerKeys): boolean {
  if (request.method !== 'POST') return false;
  if (!/^application\/json\b/i.test(headerOf(request, 'content-type') ?? '')) return false;
  try {
    keys.authenticate(request);
    return true;
  } catch {
    // Without its body the request goes on to the guard, which says what is wrong with the key.
    return false;
  }
}
