import type { IncomingHttpHeaders, ServerResponse } from 'node:http';

/** The common part of Express' and Fastify's requests that this package reads. */
export interface HttpRequest {
  readonly method: string;
  /** The path with the query, as in the request line. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body?: unknown;
}

/** Express' response is Node's own, Fastify's reply carries it as `raw`. */
export type HttpResponse = ServerResponse | { readonly raw: ServerResponse };

/** Node's response below the framework's. */
export function rawResponse(response: HttpResponse): ServerResponse {
  return 'raw' in response ? response.raw : response;
}

/**
 * The query as it was sent. Frameworks read `a[]=1` or a repeated `a` each in their own way; this reads every
 * parameter as a plain name and text, and never throws on bad percent-encoding.
 */
export function queryOf(request: HttpRequest): URLSearchParams {
  const start = request.url.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : request.url.slice(start + 1));
}

/** A header that is sent once; Node joins the repeated ones that it does not drop. */
export function headerOf(request: HttpRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

/**
 * A value of a request, such as its sender. It is kept beside the request and not as a property, so that nothing that writes to
 * requests (a body parser, another guard) can set it.
 */
export class RequestValue<T> {
  readonly #values = new WeakMap<object, T>();

  constructor(private readonly name: string) {}

  set(request: object, value: T): void {
    this.#values.set(request, value);
  }

  /** @throws {Error} if the guard that sets the value is missing on the route: a mistake in the program. */
  get(request: object): T {
    const value = this.#values.get(request);
    if (value === undefined) throw new Error(`No ${this.name} on this request: its guard is missing.`);
    return value;
  }
}
