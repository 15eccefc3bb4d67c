import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { TidingsOptions } from '../contract/options/options.js';
import { TidingsModule } from '../module/tidings.module.js';
import { TidingsService } from '../module/tidings.service.js';
import { startTestPostgres } from './test-postgres.js';

/** The running module. */
export interface StartedTidings {
  /** The application, for `collectFeed`. */
  readonly app: INestApplicationContext;
  readonly tidings: TidingsService;
  /** Closes it, and the Postgres that was started for it. */
  readonly close: () => Promise<void>;
}

/**
 * Starts the module alone, without HTTP, with a worker, on a Postgres of its own unless `database` names one.
 *
 * ```ts
 * const { app, tidings, close } = await startTidings({ types: [newOrder] });
 * await tidings.notify(newOrder, { to: 'ada', data: { orderId: '17' } });
 * const [item] = await collectFeed(app, 'ada', { count: 1 });
 * await close();
 * ```
 */
export async function startTidings(
  options: Omit<TidingsOptions, 'database' | 'roles'> & Partial<Pick<TidingsOptions, 'database'>>,
): Promise<StartedTidings> {
  const postgres = options.database ? null : await startTestPostgres();
  try {
    const database = options.database ?? { url: postgres!.url };
    const app = await NestFactory.createApplicationContext(
      TidingsModule.forRoot({ ...options, database, roles: ['worker'], controllers: false }),
      { logger: ['warn', 'error', 'fatal'], abortOnError: false },
    );
    return {
      app,
      tidings: app.get(TidingsService),
      close: async () => {
        await app.close();
        await postgres?.stop();
      },
    };
  } catch (error) {
    await postgres?.stop();
    throw error;
  }
}
