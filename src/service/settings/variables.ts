import { redisOptionsOf } from '../../platform/addresses.js';

/** Parses a variable. An unparseable value stays a string, and the option's schema reports it. */
type Read = (text: string) => unknown;

const text: Read = (value) => value;
const number: Read = (value) => (/^\d+(\.\d+)?$/.test(value) ? Number(value) : value);
/** `off` means no limit. */
export const limit: Read = (value) => (value === 'off' ? null : number(value));
const list: Read = (value) => {
  const items = value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
  return items.length > 0 ? [...new Set(items)] : value;
};

/** Every variable that the service reads besides `NODE_ENV`, with its option: the only place with their names. */
export const VARIABLES: Readonly<Record<string, { readonly path: string; readonly read: Read }>> = {
  PORT: { path: 'service.port', read: number },
  TIDINGS_ADMIN_PORT: { path: 'service.adminPort', read: limit },
  TIDINGS_BULL_BOARD: { path: 'service.bullBoard', read: text },
  HOST: { path: 'service.host', read: text },
  DATABASE_URL: { path: 'database.url', read: text },
  DATABASE_DIRECT_URL: { path: 'database.directUrl', read: text },
  REDIS_URL: { path: 'redis', read: redisOptionsOf },
  TIDINGS_ROLES: { path: 'roles', read: list },
  TIDINGS_TYPES: { path: 'service.typesFile', read: text },
  TIDINGS_DELIVERY: { path: 'delivery', read: text },
  TIDINGS_QUEUE: { path: 'queue.name', read: text },
  TIDINGS_ACTIONS_QUEUE: { path: 'actions.queue', read: text },
  TIDINGS_DATA_DIR: { path: 'service.dataDir', read: text },
  AUTH_JWT_SECRET: { path: 'http.jwt.secret', read: text },
  AUTH_JWKS_URL: { path: 'http.jwt.jwksUrl', read: text },
  AUTH_JWT_ISSUER: { path: 'http.jwt.issuer', read: text },
  AUTH_JWT_AUDIENCE: { path: 'http.jwt.audience', read: text },
  AUTH_JWKS_STALE_IF_ERROR_MS: { path: 'http.jwt.jwksStaleIfErrorMs', read: number },
  AUTH_JWT_TYP: { path: 'http.jwt.typ', read: text },
  AUTH_JWT_MAX_AGE: { path: 'http.jwt.maxAgeSeconds', read: number },
  AUTH_COOKIE: { path: 'http.jwt.cookie', read: text },
  AUTH_TENANT_CLAIM: { path: 'http.jwt.tenantClaim', read: text },
  AUTH_AUDIENCES_CLAIM: { path: 'http.jwt.audiencesClaim', read: text },
  PRODUCER_API_KEYS: { path: 'http.producerApiKeys', read: list },
  SUPPORT_API_KEYS: { path: 'http.supportApiKeys', read: list },
  ADMIN_API_KEYS: { path: 'http.adminApiKeys', read: list },
  PRODUCER_RATE_LIMIT: { path: 'http.producerRequestsPerSecond', read: limit },
  RECIPIENT_RATE_LIMIT: { path: 'http.recipientRequestsPerSecond', read: limit },
  CORS_ORIGINS: { path: 'http.allowedOrigins', read: list },
  TIDINGS_PUSH_SUBJECT: { path: 'push.subject', read: text },
  TIDINGS_PUSH_PUBLIC_KEY: { path: 'push.publicKey', read: text },
  TIDINGS_PUSH_PRIVATE_KEY: { path: 'push.privateKey', read: text },
  TIDINGS_PUSH_AFTER_MS: { path: 'push.afterMs', read: number },
  TIDINGS_PUSH_ALLOWED_HOSTS: { path: 'push.allowedHosts', read: list },
  STREAM_HEARTBEAT_MS: { path: 'stream.heartbeatMs', read: number },
  STREAM_MAX_PER_RECIPIENT: { path: 'stream.maxPerRecipient', read: limit },
  AUDIENCE_SPREAD_MS: { path: 'audience.spreadMs', read: number },
  RETENTION_DAYS: { path: 'retention.days', read: limit },
  RETENTION_MAX_ENTRIES: { path: 'retention.maxEntries', read: limit },
  WORKER_CONCURRENCY: { path: 'worker.concurrency', read: number },
  WORKER_LOCK_DURATION_MS: { path: 'worker.lockDurationMs', read: number },
  WORKER_STALLED_INTERVAL_MS: { path: 'worker.stalledIntervalMs', read: number },
  // Most other programs call it "info".
  LOG_LEVEL: { path: 'service.logLevel', read: (level) => (level === 'info' ? 'log' : level) },
  LOG_FORMAT: { path: 'service.logFormat', read: text },
};
