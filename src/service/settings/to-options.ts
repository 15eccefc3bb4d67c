import { redisOptionsOf } from '../../platform/addresses.js';
import type { AnyNotificationType } from '../../contract/model/notification-type.js';
import type { TidingsOptions } from '../../contract/options/options.js';
import type { DevelopmentCredentials } from '../development-credentials.js';
import type { Settings } from './settings.js';

/** What the service found or made at start, besides its settings. */
export interface Surroundings {
  /** Of `DATABASE_URL`, or of the embedded Postgres. */
  readonly databaseUrl: string;
  /** Where {@link Settings.development}, else `null`. */
  readonly credentials: DevelopmentCredentials | null;
  readonly types: readonly AnyNotificationType[];
}

/** The longest of the default and `days`: a dedupe key must not be forgotten before its entry. */
const DEDUPE_KEY_DAYS = 90;

/** The module's options for these settings. */
export function toOptions(settings: Settings, surroundings: Surroundings): TidingsOptions {
  const { databaseUrl, credentials, types } = surroundings;
  return {
    roles: [...settings.roles],
    database: { url: databaseUrl },
    redis: settings.redisUrl === null ? null : redisOptionsOf(settings.redisUrl),
    queue: { name: settings.queueName },
    worker: {
      concurrency: settings.workerConcurrency,
      lockDurationMs: settings.workerLockDurationMs,
      stalledIntervalMs: settings.workerStalledIntervalMs,
    },
    stream: { heartbeatMs: settings.heartbeatMs, maxPerRecipient: settings.maxPerRecipient },
    retention: {
      days: settings.retentionDays,
      maxEntries: settings.retentionMaxEntries,
      dedupeKeyDays: Math.max(DEDUPE_KEY_DAYS, settings.retentionDays ?? 0),
    },
    http: {
      jwt: credentials ? { secret: credentials.jwtSecret } : (settings.jwt ?? undefined),
      allowedOrigins: [...settings.allowedOrigins],
      producerApiKeys: [...settings.producerApiKeys, ...(credentials ? [credentials.producerApiKey] : [])],
      supportApiKeys: [...settings.supportApiKeys],
      adminApiKeys: [...settings.adminApiKeys],
    },
    types: [...types],
  };
}
