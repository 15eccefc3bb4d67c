import { createCredential, type Credential } from './credential.js';
import { Failure, failureOf } from './failure.js';
import type { FeedOptions } from './types.js';

/** A request that takes longer counts as failed. */
const TIMEOUT_MS = 20_000;

/** The options of a request. */
export interface RequestOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** An HTTP client that sends the credential. */
export interface Client {
  readonly credential: Credential;
  /** The base URL of all paths, with a trailing slash. */
  readonly base: string;
  readonly credentials: RequestCredentials;
  /**
   * Resolves when the headers have arrived. Repeats a request that is answered 401 once, with a new token.
   *
   * @throws {Failure} for any status but 2xx (with the server's `code`), without a response (`network`), and if nobody is signed in (401).
   * @throws the error of `getToken`.
   */
  fetch(path: string, options?: RequestOptions): Promise<Response>;
  /**
   * Resolves with the parsed body. A body that is not JSON, such as a proxy's page, counts as no response. A request that is answered 429 (too
   * many requests) is sent again after `Retry-After`.
   */
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
        const response = await fetch(base + path, {
          method,
          headers: {
            ...(token !== null && { Authorization: `Bearer ${token}` }),
            ...(body !== undefined && { 'Content-Type': 'application/json' }),
          },
          body: JSON.stringify(body),
          credentials: client.credentials,
          cache: 'no-store',
          signal,
        }).catch(throwFailure);
        if (response.ok) return response;
        if (response.status !== 401 || isRenewed || token === null) throw await problemOf(response);
        credential.refuse(token);
      }
    },

    async json<T>(path: string, options: RequestOptions = {}) {
      const timeout = AbortSignal.timeout(TIMEOUT_MS);
      const signal = AbortSignal.any([timeout, options.signal ?? timeout]);
      try {
        const response = await client.fetch(path, { ...options, signal });
        return (await response.json().catch(throwFailure)) as T;
      } catch (error) {
        const { status, retryInMs } = error as Failure;
        if (status !== 429) throw error;
        await new Promise((resolve) => setTimeout(resolve, retryInMs || 1_000));
        return client.json(path, options);
      }
    },
  };
  return client;
}

function throwFailure(error: unknown): never {
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
