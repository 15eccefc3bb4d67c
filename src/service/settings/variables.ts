import { isIP } from 'node:net';
import { z } from 'zod';
import { redisOptionsOf } from '../../platform/addresses.js';
import { nameProblem } from '../../contract/model/feed.js';
import type { Role } from '../../contract/options/options.js';
import { nodesProblem } from '../../contract/options/redis-problems.js';

/** Nest's names, from most to least. */
export const LOG_LEVELS = ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const ROLES: readonly string[] = ['api', 'worker'] satisfies Role[];
/** setTimeout takes no more; beyond it fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** How one variable is read; `problem` is answered with what is wrong and, if it is no secret, the actual value. */
const variable = <T>(read: (text: string, wrong: (problem: string) => never) => T) =>
  z
    .string()
    .transform((text, context): T =>
      read(text, (problem) => {
        context.addIssue({ code: 'custom', message: problem });
        return z.NEVER;
      }),
    )
    .optional();

const quote = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text);

const text = () => variable((value) => value);

const whole = (min: number, max: number, example: string) =>
  variable((value, wrong) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && number <= max) return number;
    return wrong(`must be a whole number from ${min} to ${max} (such as ${example}), is ${quote(value)}`);
  });

const limit = (min: number, max: number, example: string) =>
  variable((value, wrong) => {
    if (value === 'off') return null;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= min && number <= max) return number;
    return wrong(
      `must be a whole number from ${min} to ${max} (such as ${example}) or "off" for no limit, is ${quote(value)}`,
    );
  });

const items = (value: string): string[] => [
  ...new Set(
    value
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== ''),
  ),
];

const url = (schemes: readonly string[], example: string) =>
  variable((value, wrong) => {
    const begins = schemes.some((scheme) => value.startsWith(`${scheme}://`));
    if (begins && URL.canParse(value)) return value;
    const reason = begins
      ? 'cannot be parsed (percent-encode special characters of the password)'
      : `must begin with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
    return wrong(`${reason}, such as ${example}; is ${quote(maskPassword(value))}`);
  });

/** One Redis, or several nodes of a Redis Cluster. */
const redisUrl = () =>
  variable((value, wrong) => {
    const { nodes } = { nodes: null, ...redisOptionsOf(value) };
    const begins = /^rediss?:\/\//.test(value);
    const example = 'such as redis://localhost:6379';
    if (!begins) {
      return wrong(`must begin with redis:// or rediss://, ${example}; is ${quote(maskPassword(value))}`);
    }
    if (!(nodes ?? [value]).every((node) => URL.canParse(node))) {
      const masked = (nodes ?? [value]).map(maskPassword).join(',');
      return wrong(
        `cannot be parsed (percent-encode special characters of the password), ${example}; is ${quote(masked)}`,
      );
    }
    const problem = nodes && nodesProblem(nodes);
    return problem ? wrong(`names the nodes of a Redis Cluster, which ${problem}`) : value;
  });

/** Never printed, not even in part: what is wrong with one is said by its length alone. */
const apiKeys = () =>
  variable((value, wrong) => {
    const keys = items(value);
    const short = keys.find((key) => key.length < 16);
    if (short !== undefined) {
      return wrong(
        `must be keys of at least 16 characters with commas between them, one has ${short.length} (make one: openssl rand -hex 24)`,
      );
    }
    if (!keys.every((key) => /^[\x21-\x7e]+$/.test(key))) {
      return wrong('must be keys of visible ASCII characters, as they travel in a header; one has others');
    }
    return keys;
  });

const origins = () =>
  variable((value, wrong) => {
    const list = items(value);
    for (const origin of list) {
      if (origin === '*') {
        return wrong('must not be "*": any page could act for the user. List the origins, with commas');
      }
      const canonical = URL.canParse(origin) ? new URL(origin).origin : 'null';
      if (canonical === origin) continue;
      const fix = canonical === 'null' ? 'such as https://app.example.com' : `here ${canonical}`;
      return wrong(
        `must be origins (scheme, host and port, no path), ${fix}; one is ${quote(maskPassword(origin))}`,
      );
    }
    return list;
  });

/** Every variable that the service reads besides `NODE_ENV`: the only place that knows their names and rules. */
export const VARIABLES = {
  PORT: whole(0, 65_535, '3000'),
  HOST: variable((value, wrong) =>
    isIP(value) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(value)
      ? value
      : wrong(`must be an address such as 0.0.0.0 or a host name, without a port; is ${quote(value)}`),
  ),
  DATABASE_URL: url(['postgres', 'postgresql'], 'postgres://user:password@localhost:5432/app'),
  REDIS_URL: redisUrl(),
  TIDINGS_ROLES: variable((value, wrong): Role[] => {
    const roles = items(value);
    if (roles.length > 0 && roles.every((role) => ROLES.includes(role))) return roles as Role[];
    return wrong(`must be "api", "worker" or "api,worker", is ${quote(value)}`);
  }),
  TIDINGS_TYPES: text(),
  TIDINGS_QUEUE: variable((value, wrong) => {
    const problem = nameProblem(value) ?? (value.includes(':') ? 'must not contain ":" (BullMQ)' : null);
    return problem ? wrong(`${problem}, is ${quote(value)}`) : value;
  }),
  TIDINGS_DATA_DIR: text(),
  AUTH_JWT_SECRET: variable((value, wrong) => {
    const bytes = Buffer.byteLength(value);
    if (bytes >= 32) return value;
    return wrong(
      `must have at least 32 bytes (RFC 7518, section 3.2), has ${bytes} (make one: openssl rand -base64 48)`,
    );
  }),
  AUTH_JWKS_URL: url(['https', 'http'], 'https://id.example.com/.well-known/jwks.json'),
  AUTH_JWT_ISSUER: text(),
  AUTH_JWT_AUDIENCE: text(),
  // RFC 6265, section 4.1.1: a cookie's name is a token.
  AUTH_COOKIE: variable((value, wrong) =>
    /^[\w!#$%&'*+.^`|~-]+$/.test(value)
      ? value
      : wrong(`must be the name of a cookie, such as session; is ${quote(value)}`),
  ),
  AUTH_TENANT_CLAIM: text(),
  PRODUCER_API_KEYS: apiKeys(),
  SUPPORT_API_KEYS: apiKeys(),
  ADMIN_API_KEYS: apiKeys(),
  CORS_ORIGINS: origins(),
  STREAM_HEARTBEAT_MS: whole(100, MAX_TIMER_MS, '15000'),
  STREAM_MAX_PER_RECIPIENT: limit(1, 1_000_000, '20'),
  RETENTION_DAYS: limit(1, 36_500, '30'),
  RETENTION_MAX_ENTRIES: limit(1, 1_000_000_000, '1000'),
  WORKER_CONCURRENCY: whole(1, 10_000, '100'),
  WORKER_LOCK_DURATION_MS: whole(100, MAX_TIMER_MS, '15000'),
  WORKER_STALLED_INTERVAL_MS: whole(100, MAX_TIMER_MS, '10000'),
  LOG_LEVEL: variable((value, wrong): LogLevel => {
    // What most other programs call it.
    const level = value === 'info' ? 'log' : value;
    return (
      LOG_LEVELS.find((known) => known === level) ??
      wrong(`must be one of ${LOG_LEVELS.join(', ')} or info, is ${quote(value)}`)
    );
  }),
};

/** A URL fit for a log: without the password, also when it is too broken to be parsed. */
export function maskPassword(value: string): string {
  return value.replace(/^([a-z+.-]*:\/\/[^:/@]*:).*@/i, '$1***@');
}
