import { randomUUID } from 'node:crypto';
import { NO_METRICS, type Metrics } from '../../src/contract/ports/metrics.js';
import type {
  AppendOptions,
  CommittedNotification,
  NewNotification,
} from '../../src/contract/ports/append.js';
import { LogDatabase } from '../../src/log/database/database.js';
import { PostgresFeedReader } from '../../src/log/read/feed-reader.js';
import { GroupCommitAppender } from '../../src/log/append/group-commit.js';

/** The log stage on one database, as one process has it. */
export interface Log {
  readonly database: LogDatabase;
  readonly appender: GroupCommitAppender;
  readonly reader: PostgresFeedReader;
  /** Appends what nothing drops. */
  append(
    notifications: readonly NewNotification[],
    options?: AppendOptions,
  ): Promise<CommittedNotification[]>;
  /** What was committed, batch by batch. */
  readonly batches: (readonly CommittedNotification[])[];
  /** How many pages each query read. */
  readonly pageReads: number[];
  close(): Promise<void>;
}

export async function openLog(url: string, options: { queryTimeoutMs?: number } = {}): Promise<Log> {
  const database = await LogDatabase.connect({ url, poolSize: 5, queryTimeoutMs: 10_000, ...options });
  const batches: (readonly CommittedNotification[])[] = [];
  const pageReads: number[] = [];
  const metrics: Metrics = { ...NO_METRICS, pagesRead: (count) => pageReads.push(count) };
  const appender = new GroupCommitAppender(database, metrics, (results) => batches.push(results));
  return {
    database,
    appender,
    append: async (notifications, options) =>
      (await appender.append(notifications, options)).map((result) => {
        if ('seq' in result) return result;
        throw new Error(`It was dropped: ${result.outcome}.`);
      }),
    reader: new PostgresFeedReader(database, metrics),
    batches,
    pageReads,
    close: () => database.close(),
  };
}

/** A notification for one recipient with a dedupe key of its own, unless the test says otherwise. */
export function notification(recipient: string, parts: Partial<NewNotification> = {}): NewNotification {
  return {
    feed: { tenant: '', recipient },
    dedupeKey: `k:${randomUUID()}`,
    type: 'task-completed',
    title: 'Export ready',
    body: null,
    link: null,
    contentJson: null,
    category: null,
    dataJson: '{"taskId":"7"}',
    version: 1,
    expiresAt: null,
    collapseKey: null,
    mandatory: false,
    queuedAt: new Date(),
    ...parts,
  };
}
