import { audienceFeed, audiencesOf } from '../../../src/contract/model/audience.js';
import type { NotificationItem } from '../../../src/contract/model/entry.js';
import type { NewNotification } from '../../../src/contract/ports/append.js';
import type { AudienceRenderer, TakenNotification } from '../../../src/contract/ports/audience.js';
import type { Announcement } from '../../../src/contract/ports/live.js';
import { NO_METRICS } from '../../../src/contract/ports/metrics.js';
import { PostgresAudienceTaker } from '../../../src/log/audience/audience-taker.js';
import { TakingFeedReader } from '../../../src/log/audience/taking-reader.js';
import { PostgresInbox } from '../../../src/log/inbox/postgres-inbox.js';
import { PostgresRecaller } from '../../../src/log/inbox/postgres-recaller.js';
import { notification, openLog, type Log } from '../open-log.js';
import { request } from '../inbox/open-inbox.js';

/** One process with the log and the taking of audiences. */
export interface OpenAudience {
  readonly log: Log;
  readonly taker: PostgresAudienceTaker;
  readonly reader: TakingFeedReader;
  readonly inbox: PostgresInbox;
  /** What was taken, and what reports recalls and gaps. */
  readonly taken: TakenNotification[];
  readonly changed: Announcement[];
  announce(name: string, title: string, parts?: Partial<NewNotification>): Promise<number>;
  recall(name: string, dedupeKey: string): Promise<string>;
  /** The titles that the recipient sees, oldest first. */
  titles(recipient: string, ...audiences: string[]): Promise<string[]>;
  items(recipient: string, ...audiences: string[]): Promise<NotificationItem[]>;
  close(): Promise<void>;
}

/** Everything as it was published, in no other language. */
export const AS_PUBLISHED: AudienceRenderer = {
  mandatory: ['warning'],
  locales: (feeds) => Promise.resolve(feeds.map(() => null)),
  render: () => Promise.resolve(null),
};

export async function openAudience(url: string, renderer = AS_PUBLISHED): Promise<OpenAudience> {
  const log = await openLog(url);
  const taken: TakenNotification[] = [];
  const changed: Announcement[] = [];
  const taker = new PostgresAudienceTaker(log.database, renderer, NO_METRICS, {
    taken: (news) => void taken.push(...news),
    changed: (news) => void changed.push(...news),
  });
  const reader = new TakingFeedReader(log.reader, taker);
  const inbox = new PostgresInbox(log.database, reader, taker);
  const recaller = new PostgresRecaller(log.database, log.reader, { announce: () => {} });
  const items = async (recipient: string, ...audiences: string[]): Promise<NotificationItem[]> => {
    const feed = { tenant: '', recipient };
    const page = await inbox.page(feed, request({ limit: 100 }), audiencesOf(audiences));
    return page.items.map((item) => JSON.parse(item) as NotificationItem).reverse();
  };
  return {
    log,
    taker,
    reader,
    inbox,
    taken,
    changed,
    announce: async (name, title, parts = {}) => {
      const [result] = await log.append([
        notification('', { title, ...parts, feed: audienceFeed('', name) }),
      ]);
      return result!.seq;
    },
    recall: async (name, key) => (await recaller.recall([audienceFeed('', name)], key, null))[0]!,
    items,
    titles: async (recipient, ...audiences) =>
      (await items(recipient, ...audiences)).map(({ title }) => title),
    close: () => log.close(),
  };
}
