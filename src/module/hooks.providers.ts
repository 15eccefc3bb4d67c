import type { Provider } from '@nestjs/common';
import type { ResolvedOptions, ResolvedPush } from '../contract/options/options.js';
import { PUSH_ESCALATION } from '../contract/options/push.js';
import type { FeedReader, PushTargets, Sql } from '../contract/ports/index.js';
import { FEED_READER, PUSH_TARGETS, RESOLVED_OPTIONS, SQL } from '../contract/tokens.js';
import { ActionJobs } from '../jobs/after/action-jobs.js';
import type { EscalationRule } from '../jobs/after/escalation-rule.js';
import { Escalations } from '../jobs/after/escalations.js';
import { HookRunner } from '../jobs/after/hook-runner.js';
import { JobQueue, TypeRegistry } from '../jobs/index.js';
import { PushDelivery } from '../jobs/push/push-delivery.js';
import { PushSender } from '../jobs/push/push-sender.js';
import { loadWebPush } from '../jobs/push/web-push.js';
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
    inject: [RESOLVED_OPTIONS, JobQueue, FEED_READER, SQL, PUSH_TARGETS, PushDelivery],
    useFactory: async (
      { escalations, push, queue }: ResolvedOptions,
      jobs: JobQueue,
      reader: FeedReader,
      sql: Sql,
      targets: PushTargets,
      delivery: PushDelivery | null,
    ) => {
      const rules = [...escalations, ...(push ? [pushRule(push, targets, delivery)] : [])];
      if (rules.length === 0) return null;
      return new Escalations(await Escalations.openQueue(jobs, queue.enqueueTimeoutMs), rules, reader, sql);
    },
  },
  {
    // What `push` configures is sent by workers alone.
    provide: PushDelivery,
    inject: [RESOLVED_OPTIONS, PUSH_TARGETS, SQL],
    useFactory: async ({ push, roles }: ResolvedOptions, targets: PushTargets, sql: Sql) =>
      push && roles.includes('worker')
        ? new PushDelivery(targets, new PushSender(await loadWebPush(), push), push, sql)
        : null,
  },
];

/** The rule of the option `push`: without a delivery it only schedules. */
function pushRule(
  { afterMs, types }: ResolvedPush,
  targets: PushTargets,
  delivery: PushDelivery | null,
): EscalationRule {
  return {
    name: PUSH_ESCALATION,
    afterMs,
    types,
    unless: 'seen',
    neededBy: (feeds) => targets.exist(feeds),
    handler: (escalated, done) => delivery?.deliver(escalated, done),
  };
}
