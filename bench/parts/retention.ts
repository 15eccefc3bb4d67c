import { randomUUID } from 'node:crypto';
import { feedKeyString, type FeedKey } from '../../src/contract/model/feed.js';
import type { AudienceTaker } from '../../src/contract/ports/audience.js';
import { NO_METRICS } from '../../src/contract/ports/metrics.js';
import { appendOne } from '../../src/log/append/append-batch.js';
import { PostgresInbox } from '../../src/log/inbox/postgres-inbox.js';
import { PostgresFeedReader } from '../../src/log/read/feed-reader.js';
import { Retention } from '../../src/log/upkeep/retention.js';
import { processorUs } from '../cpu.js';
import type { Lab } from '../lab.js';
import { median, type Row } from '../report.js';
import { FilledLog } from '../retention/filled-log.js';
import { blocksOfPreviousLooks } from '../retention/previous-looks.js';

/** What append and page of the largest log are compared with. */
const SMALL = 50_000;
const DUE = 200;
/** Few enough that what they need stays in the memory of Postgres, whatever the size of the log: it is the size that is measured, not the cache. */
const ACTIVE_FEEDS = 100;
/** The bench has no audiences. */
const NO_TAKER: AudienceTaker = { take: () => Promise.resolve(true) };
const LIMITS = { days: 30, maxEntries: 1_000, sweepMs: 60_000, dedupeKeyDays: 90 };

/** Blocks touched by a sweep, and CPU time of an append and of a page, by the size of the log. */
export async function retention(lab: Lab): Promise<Row[]> {
  const { logSizes, appendRounds } = lab.options.sizes;
  const rows: Row[] = [];
  let fewest = 0;
  for (const size of logSizes) {
    const log = await FilledLog.open(lab.ground.databaseUrl, size);
    try {
      const previous = await blocksOfPreviousLooks(log.database);
      const sweep = new Retention(log.database, LIMITS);
      // What became due since the log was filled, and what the first look of a process passes.
      await sweep.sweep();
      await log.makeDue(DUE);
      const due = await log.blocksOf(async () => {
        const trimmed = await sweep.sweep();
        if (trimmed !== DUE) throw new Error(`The sweep trimmed ${trimmed} entries instead of ${DUE}.`);
      });
      const idle = await log.blocksOf(() => sweep.sweep());
      const what = `a sweep over ${size.toLocaleString('en')} entries in ${log.feeds.toLocaleString('en')} feeds`;
      const against = 'one look of version 8';
      const row = { part: 'retention', unit: 'blocks', target: null };
      rows.push(
        { ...row, what: `${what}: ${DUE} are due`, tidings: due, against, baseline: previous },
        { ...row, what: `${what}: nothing is due`, tidings: idle, against, baseline: previous },
      );
      fewest ||= due;
      if (size !== logSizes[0])
        rows.push({
          ...row,
          what: `${what}: ${DUE} are due`,
          tidings: due,
          against: `with ${logSizes[0]!.toLocaleString('en')}`,
          baseline: fewest,
          target: { atMost: 1.5 },
        });
    } finally {
      await log.close();
    }
  }
  return [...rows, ...(await compare(lab.ground.databaseUrl, logSizes.at(-1)!, appendRounds))];
}

async function compare(url: string, size: number, rounds: number): Promise<Row[]> {
  const logs = [await FilledLog.open(url, size), await FilledLog.open(url, SMALL)];
  try {
    const rows: Row[] = [];
    for (const [what, run] of Object.entries({ append: appendTo, page: pageOf })) {
      const costs = logs.map((): number[] => []);
      for (let round = 0; round <= rounds; round++) {
        for (const [index, log] of logs.entries()) {
          const feeds = log.recipients(ACTIVE_FEEDS).map((recipient) => ({ tenant: '', recipient }));
          const before = processorUs(log.pid);
          for (const feed of feeds) await run(log, feed);
          // The first round is the warm-up.
          if (round > 0) costs[index]!.push((processorUs(log.pid) - before) / ACTIVE_FEEDS);
        }
      }
      rows.push({
        part: 'retention',
        what: `CPU of Postgres for ${what === 'page' ? 'a page' : 'an append'} with ${size.toLocaleString('en')} entries`,
        unit: 'us',
        tidings: median(costs[0]!),
        against: `with ${SMALL.toLocaleString('en')}`,
        baseline: median(costs[1]!),
        target: { atMost: 1.1 },
      });
    }
    return rows;
  } finally {
    for (const log of logs) await log.close();
  }
}

function appendTo({ database }: FilledLog, feed: FeedKey): Promise<unknown> {
  return appendOne(database, {
    feed,
    dedupeKey: `j:${feedKeyString(feed)}:${randomUUID()}`,
    type: 'task-completed',
    title: 'Export of the quarterly figures',
    body: 'Done in 48 s',
    link: '/exports/7',
    contentJson: null,
    category: null,
    dataJson: '{"taskId":"0193a5b0-7d52","title":"Export of the quarterly figures","status":"succeeded"}',
    version: 1,
    expiresAt: null,
    collapseKey: null,
    mandatory: false,
    queuedAt: new Date(),
  });
}

function pageOf({ database }: FilledLog, feed: FeedKey): Promise<unknown> {
  return new PostgresInbox(database, new PostgresFeedReader(database, NO_METRICS), NO_TAKER).page(feed, {
    limit: 25,
    before: null,
    unread: null,
    archived: false,
    type: null,
  });
}
