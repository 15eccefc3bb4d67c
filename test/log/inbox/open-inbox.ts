import { z } from 'zod';
import { defineNotification } from '../../../src/contract/model/notification-type.js';
import type { PageRequest } from '../../../src/contract/ports/inbox.js';
import type { Announcement } from '../../../src/contract/ports/live.js';
import { PostgresInbox } from '../../../src/log/inbox/postgres-inbox.js';
import { PostgresInboxChanges } from '../../../src/log/inbox/postgres-inbox-changes.js';
import { PostgresPreferences } from '../../../src/log/inbox/postgres-preferences.js';
import { PostgresRecaller } from '../../../src/log/inbox/postgres-recaller.js';
import { PostgresSupportView } from '../../../src/log/inbox/postgres-support-view.js';
import { NO_TAKER } from '../../support/no-audiences.js';
import { openLog, type Log } from '../open-log.js';

/** The inbox on one database, with the log below it. */
export interface OpenInbox {
  readonly log: Log;
  readonly inbox: PostgresInbox;
  readonly changes: PostgresInboxChanges;
  readonly preferences: PostgresPreferences;
  readonly recaller: PostgresRecaller;
  readonly support: PostgresSupportView;
  /** What changes of state have announced. */
  readonly announced: Announcement[];
  close(): Promise<void>;
}

const declare = (name: string, mandatory: boolean) =>
  defineNotification(name, { version: 1, schema: z.unknown(), render: () => ({ title: name }), mandatory });

/** The types that may be muted, and one that may not. */
export const declaredTypes = [declare('order', false), declare('note', false), declare('warning', true)];

export async function openInbox(url: string, options: { queryTimeoutMs?: number } = {}): Promise<OpenInbox> {
  const log = await openLog(url, options);
  const { database, reader } = log;
  const announced: Announcement[] = [];
  const announcer = { announce: (news: readonly Announcement[]) => void announced.push(...news) };
  return {
    log,
    inbox: new PostgresInbox(database, reader, NO_TAKER),
    changes: new PostgresInboxChanges(database, announcer),
    preferences: new PostgresPreferences(database, declaredTypes),
    recaller: new PostgresRecaller(database, reader, announcer),
    support: new PostgresSupportView(database),
    announced,
    close: () => log.close(),
  };
}

/** A request for the first page, unless the test says otherwise. */
export function request(parts: Partial<PageRequest> = {}): PageRequest {
  return { limit: 25, before: null, unread: null, archived: false, type: null, ...parts };
}

/** The numbers of the items, in the order of the page. */
export function seqsOf(items: readonly string[]): number[] {
  return items.map((item) => Number((JSON.parse(item) as { cursor: string }).cursor.split('-')[1]));
}
