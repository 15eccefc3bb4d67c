import { parseRequestedPosition, type RequestedPosition } from '../../contract/model/cursor.js';
import { InvalidRequestError, type InvalidField } from '../../contract/errors.js';
import { headerOf, queryOf, type HttpRequest } from './http-request.js';

/** The options that a client gives its stream. */
export interface StreamQuery {
  readonly position: RequestedPosition;
  /** Echoed while the position is unknown. */
  readonly lastEventId: string;
  readonly eventName: 'type' | 'message';
}

/**
 * Reads `?as=`, `?lastEventId=` and the header `Last-Event-ID`, which wins: a browser that reconnects by itself repeats the first
 * URL and adds the header. Other parameters are ignored (client libraries add some against caches), except misspellings of `lastEventId`,
 * which would silently lose what was missed.
 *
 * @throws {InvalidRequestError} naming each wrong parameter. A malformed cursor is not an error: the stream reports it (G6).
 */
export function readStreamQuery(request: HttpRequest): StreamQuery {
  const query = queryOf(request);
  const fields: InvalidField[] = [];
  for (const name of new Set(query.keys())) {
    if ((name === 'as' || name === 'lastEventId') && query.getAll(name).length > 1) {
      fields.push({ field: name, problem: 'must be given once' });
    }
    if (name !== 'lastEventId' && name.toLowerCase().replace(/[-_]/g, '') === 'lasteventid') {
      fields.push({ field: name, problem: 'must be spelt lastEventId' });
    }
  }
  const as = query.get('as');
  if (as !== null && as !== 'message') {
    fields.push({
      field: 'as',
      problem: `must be message or left out, is ${JSON.stringify(as.slice(0, 100))}`,
    });
  }
  if (fields.length > 0) throw new InvalidRequestError(fields);

  // An empty header counts as missing: some clients send it where a browser omits it.
  const text = headerOf(request, 'last-event-id') || query.get('lastEventId') || '';
  const position = parseRequestedPosition(text);
  return {
    position,
    // A malformed id is not echoed: it may be long, and a header's text is not the same in UTF-8. It must not become the empty id
    // either, or the client would forget it and reconnect as if it had missed nothing.
    lastEventId: position.kind === 'malformed' ? 'malformed' : text,
    eventName: as === 'message' ? 'message' : 'type',
  };
}
