import { randomUUID } from 'node:crypto';
import { feedKeyString } from '../../src/contract/model/feed.js';
import type { NewNotification } from '../../src/contract/ports/append.js';
import { appendBatch, makeFeeds } from '../../src/log/append/append-batch.js';
import { LogDatabase } from '../../src/log/database/database.js';
import { appendBefore } from '../../test/log/append/append-before.js';
import { processorUs } from '../cpu.js';
import type { Lab } from '../lab.js';
import { median, type Row } from '../report.js';

const FEEDS = 2_000;
const DATA = JSON.stringify({
  taskId: '0193a5b0-7d52',
  title: 'Export of the quarterly figures',
  status: 'succeeded',
  durationMs: 48_211,
  resultUrl: '/exports/7',
});

type Append = (database: LogDatabase, items: readonly NewNotification[]) => Promise<unknown>;

/** What one turn does: so many calls of so many items. */
interface Turn {
  readonly what: string;
  readonly items: number;
  readonly calls: number;
  /** All calls of a turn in one transaction: without the commits, most of whose CPU is the kernel's. */
  readonly together: boolean;
  /** The baseline took 285 us for a single append when the target of 100 us was set. */
  readonly target: Row['target'];
}

const TURNS: readonly Turn[] = [
  { what: 'one', items: 1, calls: 100, together: true, target: { atMost: 0.35 } },
  { what: 'one, with its commit', items: 1, calls: 100, together: false, target: null },
  { what: 'in batches of 10', items: 10, calls: 20, together: true, target: null },
  { what: 'in batches of 100', items: 100, calls: 4, together: true, target: null },
  { what: 'in batches of 1,000', items: 1_000, calls: 1, together: true, target: null },
];

/** CPU time of Postgres for an append, beside the function that older code calls. Both on the same connection, in turns. */
export async function append(lab: Lab): Promise<Row[]> {
  const database = await LogDatabase.connect({
    url: lab.ground.databaseUrl,
    poolSize: 1,
    queryTimeoutMs: 60_000,
  });
  try {
    const feeds = Array.from({ length: FEEDS }, (_, n) => ({ tenant: '', recipient: `appended-${n}` }));
    await makeFeeds(
      database,
      feeds.map((feed) => ({ feed })),
    );
    let next = 0;
    const take = (count: number): NewNotification[] =>
      Array.from({ length: count }, () => notification(feeds[next++ % FEEDS]!));
    // Their first entries: only there tombstones are looked up.
    for (let batch = 0; batch < FEEDS / 1_000; batch++) await appendBatch(database, take(1_000));
    const [backend] = await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const usPerItem = async (how: Append, { items, calls, together }: Turn): Promise<number> => {
      const batches = Array.from({ length: calls }, () => take(items));
      const before = processorUs(backend!.pid);
      if (together) await database.query('BEGIN');
      for (const batch of batches) await how(database, batch);
      if (together) await database.query('COMMIT');
      return (processorUs(backend!.pid) - before) / (items * calls);
    };

    const rows: Row[] = [];
    for (const turn of TURNS) {
      // The first turn is the warm-up: plans, caches.
      const costs = { now: [] as number[], before: [] as number[] };
      for (let round = 0; round <= lab.options.sizes.appendRounds; round++) {
        const now = await usPerItem(appendBatch, turn);
        const before = await usPerItem(appendBefore, turn);
        if (round === 0) continue;
        costs.now.push(now);
        costs.before.push(before);
      }
      rows.push({
        part: 'f',
        what: `CPU of Postgres for an append: ${turn.what}`,
        unit: 'us',
        tidings: median(costs.now),
        against: `function of version 2`,
        baseline: median(costs.before),
        target: turn.target,
      });
    }
    return rows;
  } finally {
    await database.close();
  }
}

function notification(feed: NewNotification['feed']): NewNotification {
  return {
    feed,
    dedupeKey: `j:${feedKeyString(feed)}:${randomUUID()}`,
    type: 'task-completed',
    title: 'Export of the quarterly figures',
    body: 'Done in 48 s',
    link: '/exports/7',
    contentJson: null,
    category: null,
    dataJson: DATA,
    version: 1,
    expiresAt: null,
    collapseKey: null,
    mandatory: false,
    queuedAt: new Date(),
  };
}
