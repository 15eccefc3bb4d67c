import type { Provider } from '@nestjs/common';
import type { ResolvedOptions } from '../contract/options/options.js';
import type { FeedReader } from '../contract/ports/read.js';
import type { Sql } from '../contract/ports/sql.js';
import { FEED_READER, RESOLVED_OPTIONS, SQL } from '../contract/tokens.js';
import { ActionJobs } from '../jobs/after/action-jobs.js';
import { Escalations } from '../jobs/after/escalations.js';
import { HookRunner } from '../jobs/after/hook-runner.js';
import { JobQueue, TypeRegistry } from '../jobs/index.js';
import { EntryUpgrade } from '../types/entry-upgrade.js';

/** Providers that call the application's hooks and escalations. Part of the composition root, see tidings.module.ts. */
export const HOOKS_PROVIDERS: Provider[] = [
  {
    provide: HookRunner,
    inject: [RESOLVED_OPTIONS, FEED_READER],
    useFactory: ({ hooks }: ResolvedOptions, reader: FeedReader) => new HookRunner(hooks, reader),
  },
  {
    provide: ActionJobs,
    inject: [RESOLVED_OPTIONS, JobQueue, SQL, TypeRegistry],
    useFactory: async (
      { actions, queue }: ResolvedOptions,
      jobs: JobQueue,
      sql: Sql,
      types: TypeRegistry,
    ) => {
      if (actions.queue === null) return null;
      const opened = await ActionJobs.openQueue(jobs, actions.queue, queue.enqueueTimeoutMs);
      return new ActionJobs(opened, sql, new EntryUpgrade(types));
    },
  },
  {
    provide: Escalations,
    inject: [RESOLVED_OPTIONS, JobQueue, FEED_READER],
    useFactory: async ({ escalations, queue }: ResolvedOptions, jobs: JobQueue, reader: FeedReader) => {
      if (escalations.length === 0) return null;
      return new Escalations(await Escalations.openQueue(jobs, queue.enqueueTimeoutMs), escalations, reader);
    },
  },
];
