import { Credential } from './credential.js';
import { Failure, failureOf } from './failure.js';
import type { FeedOptions } from './types.js';

/** A request that takes longer has met a dead network. */
const TIMEOUT_MS = 20_000;

/** What a request may say. */
export interface RequestOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** The HTTP interface, with the credential. */
export class Client {
  readonly credential: Credential;
  /** Without a slash at its end. */
  readonly base: string;
  readonly credentials: RequestCredentials;

  constructor({ url = '', getToken, credentials }: FeedOptions) {
    this.base = String(url).replace(/\/+$/, '');
    this.credential = new Credential(getToken);
    this.credentials = credentials ?? (getToken ? 'omit' : 'include');
  }

  /** A path below `/v1`. */
  urlOf(path: string): string {
    return `${this.base}/v1/${path}`;
  }

  /**
   * The answer's headers are there; its body may still come. A 401 is tried once more with a new token, if there are any.
   *
   * @throws {Failure} for every other status than 2xx (`code` is the server's) and without an answer (`network`).
   * @throws {Failure} (401) if nobody is signed in. @throws what `getToken` throws.
   */
  async fetch(path: string, options: RequestOptions = {}): Promise<Response> {
    const { method = 'GET', body, signal } = options;
    for (let isRenewed = false; ; isRenewed = true) {
      const token = await this.credential.current();
      const headers: Record<string, string> = {};
      if (token !== null) headers['Authorization'] = `Bearer ${token}`;
      if (body !== undefined) headers['Content-Type'] = 'application/json';
      const response = await fetch(this.urlOf(path), {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        credentials: this.credentials,
        cache: 'no-store',
        signal,
      }).catch(unanswered);
      if (response.ok) return response;
      if (response.status !== 401 || isRenewed || token === null) throw await problemOf(response);
      this.credential.refuse(token);
    }
  }

  /** The same, with the whole answer. Nothing but the server's own word is taken for it: a proxy's page is none. */
  async json<T>(path: string, options: RequestOptions = {}): Promise<T> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
    const response = await this.fetch(path, { ...options, signal });
    return (await response.json().catch(unanswered)) as T;
  }
}

function unanswered(error: unknown): never {
  throw failureOf(error);
}

async function problemOf(response: Response): Promise<Failure> {
  const { status, headers } = response;
  const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string } | null;
  const retryInMs = Number(headers.get('retry-after') ?? 0) * 1_000 || 0;
  return new Failure(
    problem?.detail ?? `The server answered ${status}.`,
    status,
    problem?.code ?? '',
    retryInMs,
  );
}
