import type { FeedKey } from '../contract/model/feed.js';
import { list, text, type Flags } from './options.js';
import { UsageError } from './usage.error.js';

const LONGEST_IDLE_S = 86_400;

/** The proxy to check, with credentials. */
export interface Proxy {
  /** The URL of the stream. */
  readonly stream: URL;
  /** The credentials: a token, a cookie, or whatever the deployment uses. */
  readonly headers: Readonly<Record<string, string>>;
  /** The feed that these credentials belong to. */
  readonly feed: FeedKey;
  /** How long to leave the stream idle, ms. */
  readonly idleMs: number;
}

/** `null` without `--url`. @throws {UsageError} */
export function readProxy(flags: Flags): Proxy | null {
  const url = text(flags, 'url');
  if (url === undefined) return null;
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    throw new UsageError(`--url must be such as https://app.example.com, is ${JSON.stringify(url)}.`);
  }
  const stream = new URL(url);
  if (!stream.pathname.endsWith('/stream')) {
    stream.pathname = `${stream.pathname.replace(/\/$/, '')}/v1/stream`;
  }
  const idleSeconds = text(flags, 'idle-seconds') ?? '30';
  if (!/^\d+(\.\d+)?$/.test(idleSeconds) || Number(idleSeconds) > LONGEST_IDLE_S) {
    throw new UsageError(
      `--idle-seconds must be a number from 0 to ${LONGEST_IDLE_S}, is ${JSON.stringify(idleSeconds)}.`,
    );
  }
  const token = text(flags, 'token');
  const cookie = text(flags, 'cookie');
  const headers: Record<string, string> = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    // A request with a cookie must come from an allowed origin: here the application's own.
    ...(cookie === undefined ? {} : { cookie, origin: stream.origin }),
    ...Object.fromEntries(list(flags, 'header').map(headerOf)),
  };
  if (Object.keys(headers).length === 0) {
    throw new UsageError('As whom? --url needs a --token, a --cookie or a --header "name: value".');
  }
  return { stream, headers, feed: feedOf(flags, token), idleMs: Number(idleSeconds) * 1_000 };
}

/** From `--recipient` and `--tenant`, else from the token. */
function feedOf(flags: Flags, token: string | undefined): FeedKey {
  const claims = token === undefined ? {} : claimsOf(token);
  const recipient = text(flags, 'recipient') ?? claims['sub'];
  if (typeof recipient !== 'string' || recipient === '') {
    throw new UsageError(
      token === undefined
        ? 'Whose feed is it? --cookie and --header need --recipient.'
        : '--token is not a JWT with a sub: name the recipient with --recipient.',
    );
  }
  const claim = text(flags, 'tenant-claim') ?? process.env['AUTH_TENANT_CLAIM'];
  const tenant = text(flags, 'tenant') ?? (token !== undefined && claim ? claims[claim] : '');
  if (typeof tenant !== 'string') {
    throw new UsageError(`--token has no claim ${claim}: name the tenant with --tenant.`);
  }
  return { tenant, recipient };
}

/** The claims of a JWT, unverified: the deployment verifies it. Empty for any other token. */
function claimsOf(token: string): Record<string, unknown> {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    return typeof claims === 'object' && claims !== null ? { ...claims } : {};
  } catch {
    return {};
  }
}

function headerOf(line: string): [string, string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):\s*(.*?)\s*$/.exec(line) ?? [];
  if (name === undefined || value === undefined) {
    throw new UsageError(`--header must be such as "x-user: ada", is ${JSON.stringify(line)}.`);
  }
  return [name.toLowerCase(), value];
}
