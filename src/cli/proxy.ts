import type { FeedKey } from '../contract/model/feed.js';
import { list, text, type Flags } from './options.js';
import { UsageError } from './usage.error.js';

const LONGEST_IDLE_S = 86_400;

/** What is looked through, and as whom. */
export interface Proxy {
  /** Of the stream. */
  readonly stream: URL;
  /** What shows who asks: a token, a cookie, whatever the deployment goes by. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whose stream it is then. */
  readonly feed: FeedKey;
  /** How long the stream is left idle, ms. */
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
    // What a cookie authenticates must come from an allowed origin: here the application's own.
    ...(cookie === undefined ? {} : { cookie, origin: stream.origin }),
    ...Object.fromEntries(list(flags, 'header').map(headerOf)),
  };
  if (Object.keys(headers).length === 0) {
    throw new UsageError('As whom? --url needs a --token, a --cookie or a --header "name: value".');
  }
  return { stream, headers, feed: feedOf(flags, token), idleMs: Number(idleSeconds) * 1_000 };
}

/** Said by `--recipient` and `--tenant`, else by the token. */
function feedOf(flags: Flags, token: string | undefined): FeedKey {
  const claims = token === undefined ? {} : claimsOf(token);
  const recipient = text(flags, 'recipient') ?? claims['sub'];
  if (typeof recipient !== 'string' || recipient === '') {
    throw new UsageError(
      token === undefined
        ? 'Whose feed is it? --cookie and --header need --recipient.'
        : '--token is no JWT with a sub: say whose feed it is with --recipient.',
    );
  }
  const claim = text(flags, 'tenant-claim') ?? process.env['AUTH_TENANT_CLAIM'];
  const tenant = text(flags, 'tenant') ?? (token !== undefined && claim ? claims[claim] : '');
  if (typeof tenant !== 'string') {
    throw new UsageError(`--token has no claim ${claim}: say whose feed it is with --tenant.`);
  }
  return { tenant, recipient };
}

/** Of a JWT, unverified: that is for the deployment. Empty for anything else. */
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
