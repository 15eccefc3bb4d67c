import { createCredential, type Credential } from './credential.js';
import { Failure, failureOf } from './failure.js';
import type { FeedOptions } from './types.js';

/** A request that takes longer has met a dead network. */
const TIMEOUT_MS = 20_000;

/** The options of a request. */
export interface RequestOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** The HTTP interface, with the credential. */
export interface Client {
  readonly credential: Credential;
  /** The address that precedes all paths, with a slash at its end. */
  readonly base: string;
  readonly credentials: RequestCredentials;
  /**
   * Resolves with the headers; the body may still be on its way. A 401 is tried once more with a new token, where there is one.
   *
   * @throws {Failure} for any status but 2xx (`code` is the server's), without a response (`network`), and if nobody is signed in (401).
   * @throws what `getToken` throws.
   */
  fetch(path: string, options?: RequestOptions): Promise<Response>;
  /** The same, with the whole body. A body that is not JSON, a proxy's page for example, counts as no response. */
  json<T>(path: string, options?: RequestOptions): Promise<T>;
}

export function createClient({ url = '', path = 'v1', getToken, credentials }: FeedOptions): Client {
  const base = [String(url).replace(/\/+$/, ''), ...path.split('/').filter(Boolean), ''].join('/');
  const credential = createCredential(getToken);
  const client: Client = {
    credential,
    base,
    credentials: credentials ?? (getToken ? 'omit' : 'include'),

    async fetch(path, { method = 'GET', body, signal } = {}) {
      for (let isRenewed = false; ; isRenewed = true) {
        const token = await credential.current();
        const headers: Record<string, string> = {};
        if (token !== null) headers['Authorization'] = `Bearer ${token}`;
        if (body !== undefined) headers['Content-Type'] = 'application/json';
        const response = await fetch(base + path, {
          method,
          headers,
          body: JSON.stringify(body),
          credentials: client.credentials,
          cache: 'no-store',
          signal,
        }).catch(unanswered);
        if (response.ok) return response;
        if (response.status !== 401 || isRenewed || token === null) throw await problemOf(response);
        credential.refuse(token);
      }
    },

    async json<T>(path: string, options: RequestOptions = {}) {
      const timeout = AbortSignal.timeout(TIMEOUT_MS);
      const signal = options.signal ? AbortSignal.any([options.signal, timeout]) : timeout;
      const response = await client.fetch(path, { ...options, signal });
      return (await response.json().catch(unanswered)) as T;
    },
  };
  return client;
}

function unanswered(error: unknown): never {
  throw failureOf(error);
}

async function problemOf(response: Response): Promise<Failure> {
  const { url, status, headers } = response;
  const problem = (await response.json().catch(() => null)) as { code?: string; detail?: string } | null;
  return new Failure(
    problem?.detail ?? `${url} answered ${status}.`,
    status,
    problem?.code ?? '',
    Number(headers.get('retry-after')) * 1_000 || 0,
  );
}
