import { setTimeout as sleep } from 'node:timers/promises';
import { Logger, type Provider } from '@nestjs/common';
import { LogUnavailableError } from '../contract/errors.js';
import type { ResolvedOptions } from '../contract/options/options.js';
import type { Appender, LiveBus } from '../contract/ports/index.js';
import { APPENDER, LIVE_BUS, RESOLVED_OPTIONS, SQL } from '../contract/tokens.js';
import { HookRunner } from '../jobs/after/hook-runner.js';
import { LocalFirstBus } from '../live/local-first-bus.js';
import { PostgresBus } from '../live/postgres-bus.js';
import { RedisBus } from '../live/redis-bus.js';
import { GroupCommitAppender } from '../log/append/group-commit.js';
import { LogDatabase } from '../log/database/database.js';
import { directPostgresAddress, redisAddress } from '../platform/addresses.js';
import { Outage } from '../platform/logging/outage.js';
import { ListenClient } from '../platform/postgres/listen-client.js';

/** As in Nest's TypeOrmModule: a database that starts beside the application may be ready a little later. */
const CONNECT = { attempts: 10, delayMs: 3_000 };

/** Providers that append to the log and announce what is appended. Part of the composition root, see tidings.module.ts. */
export const LOG_PROVIDERS: Provider[] = [
  {
    provide: LogDatabase,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ database }: ResolvedOptions) => connectPatiently(database),
  },
  { provide: SQL, useExisting: LogDatabase },
  {
    // Not through the pool: a LISTEN needs a permanent session. It connects on the first LISTEN.
    provide: ListenClient,
    inject: [RESOLVED_OPTIONS],
    useFactory: ({ database }: ResolvedOptions) =>
      new ListenClient(
        directPostgresAddress(database),
        new Outage(new Logger('Tidings'), 'The LISTEN connection to Postgres'),
      ),
  },
  {
    provide: LIVE_BUS,
    inject: [RESOLVED_OPTIONS, LogDatabase, ListenClient],
    useFactory: (
      { redis, metrics }: ResolvedOptions,
      { identity: incarnation, pool }: LogDatabase,
      listener: ListenClient,
    ): LiveBus =>
      new LocalFirstBus(
        redis
          ? new RedisBus({ incarnation, address: redisAddress(redis), metrics })
          : new PostgresBus({ incarnation, pool, listener, metrics }),
      ),
  },
  {
    provide: APPENDER,
    inject: [LogDatabase, LIVE_BUS, RESOLVED_OPTIONS, HookRunner],
    // Commits are announced batch by batch, right after the commit and never before (G1).
    useFactory: (log: LogDatabase, bus: LiveBus, { metrics }: ResolvedOptions, hooks: HookRunner): Appender =>
      new GroupCommitAppender(log, metrics, (results, calls) => {
        bus.announce(results);
        hooks.appended(results, calls);
      }),
  },
];

async function connectPatiently(options: ResolvedOptions['database']): Promise<LogDatabase> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await LogDatabase.connect(options);
    } catch (error) {
      if (!(error instanceof LogUnavailableError) || attempt >= CONNECT.attempts) throw error;
      const next = `attempt ${attempt + 1} of ${CONNECT.attempts} in ${CONNECT.delayMs / 1_000} s`;
      new Logger('Tidings').warn(`${error.message}; ${next}`);
      await sleep(CONNECT.delayMs);
    }
  }
}
