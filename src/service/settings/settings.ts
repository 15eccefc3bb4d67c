import { z } from 'zod';
import { InvalidSettingsError, type InvalidField } from '../../contract/errors.js';
import type { JwtOptions, Role } from '../../contract/options/options.js';
import { contradictions, isLoopback } from './contradictions.js';
import { unreadVariables } from './unknown-variables.js';
import { VARIABLES, type LogLevel } from './variables.js';

/**
 * The settings of the service. What is `undefined` was not set and has the default of `TidingsOptions`; `null` is a limit
 * that was turned `off`.
 */
export interface Settings {
  readonly production: boolean;
  /** No `AUTH_*` outside production: credentials are made for this machine alone, which alone may connect. */
  readonly development: boolean;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** `null`: the embedded Postgres. */
  readonly databaseUrl: string | null;
  /** `null`: queue and bus are on Postgres. */
  readonly redisUrl: string | null;
  readonly roles: readonly Role[];
  /** The module with a team's own types, relative to the working directory. */
  readonly typesFile: string | null;
  readonly queueName?: string;
  /** `null` without `AUTH_*`. */
  readonly jwt: JwtOptions | null;
  readonly producerApiKeys: readonly string[];
  readonly supportApiKeys: readonly string[];
  readonly adminApiKeys: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly dataDir: string;
  readonly heartbeatMs?: number;
  readonly maxPerRecipient?: number | null;
  readonly retentionDays?: number | null;
  readonly retentionMaxEntries?: number | null;
  readonly workerConcurrency?: number;
  readonly workerLockDurationMs?: number;
  readonly workerStalledIntervalMs?: number;
  readonly logLevel: LogLevel;
  /** What is not wrong but looks like a mistake: one sentence each, to be logged at start. */
  readonly warnings: readonly string[];
}

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads and checks every setting at once. A variable that is set to the empty text counts as not set, because that is
 * what `${NAME:-}` in a compose file makes of an unset one.
 *
 * @throws {InvalidSettingsError} naming every wrong variable and every contradiction, never the value of a secret.
 */
export function readSettings(env: Environment): Settings {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value)) as Record<string, string>;
  const parsed = z.object(VARIABLES).safeParse(set);
  const fields: InvalidField[] = parsed.success
    ? []
    : parsed.error.issues.map((issue) => ({ field: String(issue.path[0]), problem: issue.message }));
  fields.push(...contradictions(set));
  if (!parsed.success || fields.length > 0) throw new InvalidSettingsError(fields);

  const vars = parsed.data;
  const jwt = jwtOptions(vars);
  const production = set['NODE_ENV'] === 'production';
  const roles = vars.TIDINGS_ROLES ?? ['api', 'worker'];
  return {
    production,
    development: !production && jwt === null && roles.includes('api'),
    // Without credentials nothing is open to the network unless the operator says so.
    host: vars.HOST ?? (production || jwt ? '0.0.0.0' : '127.0.0.1'),
    port: vars.PORT ?? 3000,
    databaseUrl: vars.DATABASE_URL ?? null,
    redisUrl: vars.REDIS_URL ?? null,
    roles,
    typesFile: vars.TIDINGS_TYPES ?? null,
    queueName: vars.TIDINGS_QUEUE,
    jwt,
    producerApiKeys: vars.PRODUCER_API_KEYS ?? [],
    supportApiKeys: vars.SUPPORT_API_KEYS ?? [],
    adminApiKeys: vars.ADMIN_API_KEYS ?? [],
    allowedOrigins: vars.CORS_ORIGINS ?? [],
    dataDir: vars.TIDINGS_DATA_DIR ?? '.tidings',
    heartbeatMs: vars.STREAM_HEARTBEAT_MS,
    maxPerRecipient: vars.STREAM_MAX_PER_RECIPIENT,
    retentionDays: vars.RETENTION_DAYS,
    retentionMaxEntries: vars.RETENTION_MAX_ENTRIES,
    workerConcurrency: vars.WORKER_CONCURRENCY,
    workerLockDurationMs: vars.WORKER_LOCK_DURATION_MS,
    workerStalledIntervalMs: vars.WORKER_STALLED_INTERVAL_MS,
    logLevel: vars.LOG_LEVEL ?? 'log',
    warnings: warningsOf(set, vars),
  };
}

type Variables = z.infer<z.ZodObject<typeof VARIABLES>>;

function jwtOptions(vars: Variables): JwtOptions | null {
  if (!vars.AUTH_JWT_SECRET && !vars.AUTH_JWKS_URL) return null;
  return {
    secret: vars.AUTH_JWT_SECRET,
    jwksUrl: vars.AUTH_JWKS_URL,
    issuer: vars.AUTH_JWT_ISSUER,
    audience: vars.AUTH_JWT_AUDIENCE,
    cookie: vars.AUTH_COOKIE,
    tenantClaim: vars.AUTH_TENANT_CLAIM,
  };
}

function warningsOf(set: Readonly<Record<string, string>>, vars: Variables): string[] {
  const warnings = unreadVariables(Object.keys(set), Object.keys(VARIABLES));
  if (vars.RETENTION_DAYS === null && vars.RETENTION_MAX_ENTRIES === null) {
    warnings.push('RETENTION_DAYS and RETENTION_MAX_ENTRIES are both off: feeds grow without end.');
  }
  if (set['NODE_ENV'] !== 'production' && vars.AUTH_JWT_SECRET && !isLoopback(vars.HOST ?? '0.0.0.0')) {
    warnings.push('NODE_ENV is not "production" although the service is open to the network.');
  }
  return warnings;
}
