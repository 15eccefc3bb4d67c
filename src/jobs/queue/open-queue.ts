import { Logger } from '@nestjs/common';
import { directPostgresAddress, redisAddress } from '../../platform/addresses.js';
import type { ResolvedOptions } from '../../contract/options/options.js';
import { PostgresBackend } from './postgres-backend.js';
import { JobQueue } from './queue.js';
import { RedisBackend } from './redis-backend.js';
import { RepeatedErrors } from '../../platform/logging/repeated-errors.js';

/** The options of {@link openJobQueue}. */
export type JobQueueOptions = Pick<ResolvedOptions, 'database' | 'redis' | 'queue'>;

/**
 * Opens the queue on the backend chosen by the options, see {@link JobQueue.openOn}. In a file of its own, so
 * that a producer without Nest loads
 * one backend and no framework.
 */
export function openJobQueue({ database, redis, queue }: JobQueueOptions): Promise<JobQueue> {
  const logger = new Logger('Queue');
  const server = redis ? 'Redis' : 'Postgres';
  // `connect ECONNREFUSED` does not name the server.
  const errors = new RepeatedErrors({ warn: (message) => logger.warn(`${server}: ${message}`) });
  const backend = redis
    ? new RedisBackend(redisAddress(redis), queue.prefix, errors.report)
    : new PostgresBackend(
        directPostgresAddress(database),
        queue.enqueueTimeoutMs,
        errors.report,
        database.migrate,
      );
  return JobQueue.openOn(backend, queue, errors);
}
