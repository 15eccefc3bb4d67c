import type { PageRequest } from '../../src/contract/ports/inbox.js';
import { PostgresInbox } from '../../src/inbox/postgres-inbox.js';
import { openLog, type Log } from '../log/open-log.js';

/** The inbox on one database, with the log below it. */
export interface OpenInbox {
  readonly log: Log;
  readonly inbox: PostgresInbox;
  close(): Promise<void>;
}

export async function openInbox(url: string, options: { queryTimeoutMs?: number } = {}): Promise<OpenInbox> {
  const log = await openLog(url, options);
  return { log, inbox: new PostgresInbox(log.database, log.reader), close: () => log.close() };
}

/** A request for the first page, unless the test says otherwise. */
export function request(parts: Partial<PageRequest> = {}): PageRequest {
  return { limit: 25, before: null, unread: null, archived: false, type: null, ...parts };
}

/** The numbers of the items, in the order of the page. */
export function seqsOf(items: readonly string[]): number[] {
  return items.map((item) => Number((JSON.parse(item) as { cursor: string }).cursor.split('-')[1]));
}
