import type { Mutation } from './mutation.js';

const APPEND_BATCH = 'src/log/migrations/append-batch-function.ts';
const APPEND_ONE = 'src/log/migrations/append-one-function.ts';
const TRIM = 'src/log/migrations/trim-function.ts';
const RETENTION_TESTS = 'test/log/upkeep/retention.spec.ts';
const APPEND_TESTS = 'test/log/append/append.spec.ts';
const TWO_PROCESSES = 'test/guarantees/g5-jobs-that-run-twice.spec.ts';
const CANCELLED = 'test/log/append/cancelled-jobs.spec.ts';
const ONE_AND_BATCH = 'test/log/append/one-and-batch.property.spec.ts';

/** A transaction that goes on for a while after its last statement was answered. */
const BEGUN = `  const client = await database.pool.connect();
  await client.query('BEGIN');
  setTimeout(() => void client.query('COMMIT').finally(() => client.release()), 300);
`;

export const LOG_MUTATIONS: readonly Mutation[] = [
  {
    name: 'numbers-before-the-lock',
    breaks:
      'The numbers of a batch are given out before the feeds are locked, which the update of their heads does at the end.',
    edits: [
      {
        file: APPEND_BATCH,
        find: 'ORDER BY t.id FOR NO KEY UPDATE OF t SKIP LOCKED',
        replace: 'ORDER BY t.id',
      },
    ],
    caughtBy: [{ file: APPEND_TESTS, test: 'leaves no hole and gives no number twice' }],
  },
  {
    name: 'number-before-the-lock',
    breaks:
      'The number of a single notification is given out before the feed is locked, which the update of its head does at the end.',
    edits: [{ file: APPEND_ONE, find: '     FOR NO KEY UPDATE SKIP LOCKED;', replace: '     ;' }],
    caughtBy: [
      { file: APPEND_TESTS, test: 'two processes append at once' },
      { file: APPEND_TESTS, test: 'one at a time' },
    ],
  },
  {
    name: 'dedupe-check-in-the-lock-statement',
    breaks: 'The dedupe keys of a batch are read in the statement of the lock, on a snapshot from before it.',
    edits: [
      {
        file: APPEND_BATCH,
        find: '  feed_ids bigint[] :=',
        replace: '  known bytea[];\n  feed_ids bigint[] :=',
      },
      {
        file: APPEND_BATCH,
        find: 'SELECT i.n, t.id, t.epoch, t.head, t.muted, t.erased_at\n',
        replace: `SELECT i.n, t.id, t.epoch, t.head, t.muted, t.erased_at,
           (SELECT coalesce(array_agg(k.hash), '{}') FROM \${schema}.dedupe_key k WHERE k.hash = ANY (hashes)) AS known\n`,
      },
      {
        file: APPEND_BATCH,
        find: '    locked := locked + 1;',
        replace: '    locked := locked + 1;\n    known := f.known;',
      },
      {
        file: APPEND_BATCH,
        find: 'k ON k.hash = hashes[i.i]',
        replace: 'k ON k.hash = hashes[i.i] AND k.hash = ANY (known)',
      },
    ],
    caughtBy: [{ file: TWO_PROCESSES, test: 'a batch' }],
  },
  {
    name: 'dedupe-check-of-one-in-the-lock-statement',
    breaks:
      'The dedupe key of a single notification is read in the statement of the lock, on a snapshot from before it.',
    edits: [
      {
        file: APPEND_ONE,
        find: 'SELECT t.id, t.epoch, t.head, t.muted, t.erased_at INTO f',
        replace: `SELECT t.id, t.epoch, t.head, t.muted, t.erased_at,
         (SELECT d.hash FROM \${schema}.dedupe_key d WHERE d.hash = append_one.hash) AS known INTO f`,
      },
      {
        file: APPEND_ONE,
        find: 'WHERE d.hash = append_one.hash;',
        replace: 'WHERE d.hash = append_one.hash AND d.hash = f.known;',
      },
    ],
    caughtBy: [{ file: TWO_PROCESSES, test: 'a single notification' }],
  },
  {
    name: 'commit-not-on-the-disk',
    breaks: 'A commit does not wait for the disk where the server is told not to (G1, G9).',
    edits: [
      {
        file: APPEND_BATCH,
        find: "IF current_setting('synchronous_commit') IN ('off', 'local') THEN",
        replace: 'IF false THEN',
      },
    ],
    caughtBy: [{ file: APPEND_TESTS, test: 'waits for the disk' }],
  },
  {
    name: 'body-not-compared',
    breaks: 'Another body under a key that was used is taken for the same one.',
    edits: [
      { file: APPEND_BATCH, find: 'WHEN k.fingerprint <> fingerprints[i.i]', replace: 'WHEN false' },
      { file: APPEND_ONE, find: 'WHEN k.fingerprint <> append_one.fingerprint', replace: 'WHEN false' },
    ],
    caughtBy: [{ file: ONE_AND_BATCH, test: 'used with another body' }],
  },
  {
    name: 'cancelled-job-appended',
    breaks: 'An append that is late does not look whether its job was cancelled meanwhile.',
    edits: [{ file: APPEND_BATCH, find: 'AND ${queued} <= c.queued_up_to)', replace: 'AND false)' }],
    caughtBy: [{ file: CANCELLED, test: 'lets exactly one win' }],
  },
  {
    name: 'cancelled-without-the-lock',
    breaks: 'A cancellation does not wait for an append that is under way, and says that it has won.',
    edits: [
      {
        file: 'src/log/migrations/cancel-job-function.ts',
        find: 'ORDER BY t.id FOR NO KEY UPDATE OF t;',
        replace: 'ORDER BY t.id;',
      },
    ],
    caughtBy: [{ file: CANCELLED, test: 'lets exactly one win' }],
  },
  {
    name: 'muted-one-appended',
    breaks: 'A single notification is appended although its recipient has muted its type.',
    edits: [{ file: APPEND_ONE, find: 'AND NOT mandatory THEN', replace: 'AND false THEN' }],
    caughtBy: [{ file: ONE_AND_BATCH, test: 'whatever came before' }],
  },
  {
    name: 'announced-before-the-commit',
    breaks: 'The bus brings an entry whose transaction is not committed yet (G1).',
    edits: [
      {
        file: 'src/log/append/append-batch.ts',
        find: '  const rows = await database.query<AppendRow & Record<string, unknown>>(APPEND_BATCH, [',
        replace: `${BEGUN}  const { rows } = await client.query<AppendRow & Record<string, unknown>>(database.text(APPEND_BATCH), [`,
      },
      {
        file: 'src/log/append/append-batch.ts',
        find: '  const [row] = await database.query<{ result: string }>(APPEND_ONE, [',
        replace: `${BEGUN}  const { rows: [row] } = await client.query<{ result: string }>(database.text(APPEND_ONE), [`,
      },
    ],
    caughtBy: [
      {
        file: 'test/guarantees/g1-durable-before-visible.spec.ts',
        test: '(Postgres) commits each entry before its frame arrives',
      },
    ],
  },
  {
    name: 'floor-read-apart',
    breaks:
      'The floor is read in a statement of its own: what is trimmed between the two is a gap that nobody speaks of (G6).',
    edits: [
      {
        file: 'src/log/read/feed-reader.ts',
        find: '    const rows = await this.database.query<PageRow & Record<string, unknown>>(READ_PAGES, [',
        replace: `    const states = await this.database.query<StateRow & Record<string, unknown>>(
      (schema) => \`SELECT id, floor FROM \${schema}.feed WHERE id = ANY ($1::bigint[])\`,
      [places.map((place) => place.feedId)],
    );
    const rows = await this.database.query<PageRow & Record<string, unknown>>(READ_PAGES, [`,
      },
      {
        file: 'src/log/read/feed-reader.ts',
        find: '{ ...stateOf(row), entries }',
        replace: '{ ...stateOf(row), floor: Number(states.find(({ id }) => id === row.id)!.floor), entries }',
      },
    ],
    caughtBy: [{ file: 'test/guarantees/g6-one-snapshot.spec.ts' }],
  },
  {
    name: 'trimmed-without-the-floor',
    breaks: 'Retention deletes entries and leaves the floor where it was (G6).',
    edits: [{ file: TRIM, find: 'SET floor = f.floor, replay_floor', replace: 'SET replay_floor' }],
    caughtBy: [
      { file: RETENTION_TESTS, test: 'adjusts floor and counts' },
      { file: 'test/guarantees/g6-one-snapshot.spec.ts' },
    ],
  },
  {
    name: 'gap-of-states-not-said',
    breaks:
      'Changes of state are deleted from between the notifications, and cursors below them are honoured (G6).',
    edits: [{ file: TRIM, find: '      f.replay_floor := gone.last;\n', replace: '' }],
    caughtBy: [{ file: RETENTION_TESTS, test: 'bounds the changes of state of a feed' }],
  },
  {
    name: 'states-without-a-bound',
    breaks: 'The changes of state of a feed are not bounded: its recipient can fill the disk.',
    edits: [
      {
        file: 'src/log/upkeep/retention.ts',
        find: 'const states = maxEntries ?? MOST_STATES;',
        replace: 'const states = 1_000_000_000;',
      },
    ],
    caughtBy: [{ file: RETENTION_TESTS, test: 'bounds' }],
  },
  {
    name: 'overfull-not-noticed',
    breaks: 'A feed that grows asks for no look, so the retention does not find that it keeps too many.',
    edits: [
      {
        file: 'src/log/migrations/oldest-at.ts',
        find: "THEN '-infinity' ELSE coalesce(${feed}.oldest_at, moment) END",
        replace: 'THEN coalesce(${feed}.oldest_at, moment) ELSE coalesce(${feed}.oldest_at, moment) END',
      },
    ],
    caughtBy: [{ file: RETENTION_TESTS, test: 'by a look every 32 entries' }],
  },
  {
    name: 'feed-pruned-without-its-lock',
    breaks: 'An empty feed is deleted although something was appended to it in the meantime (G3).',
    edits: [
      {
        file: 'src/log/upkeep/retention.ts',
        find: 'ORDER BY f.touched_at LIMIT $2 FOR UPDATE OF f SKIP LOCKED',
        replace: 'ORDER BY f.touched_at LIMIT $2',
      },
    ],
    caughtBy: [{ file: RETENTION_TESTS, test: 'leaves a feed to a transaction' }],
  },
  {
    name: 'range-over-what-did-not-change',
    breaks: 'A stored change of many covers the notifications in between, which did not change.',
    edits: [
      {
        file: 'src/log/migrations/log-state-function.ts',
        find: 'FILTER (WHERE e.seq <> ALL (changed))',
        replace: 'FILTER (WHERE false)',
      },
    ],
    caughtBy: [{ file: 'test/log/inbox/changes.spec.ts', test: 'stores a change of many as ranges' }],
  },
  {
    name: 'read-mark-each-time',
    breaks: 'Marking all as read and as unread again adds a row to the marks each time.',
    edits: [
      {
        file: 'src/log/migrations/change-up-to-function.ts',
        find: "IF change = 'read' AND EXISTS (",
        replace: "IF change = 'read' AND up_to > f.read_up_to OR false AND EXISTS (",
      },
    ],
    caughtBy: [{ file: 'test/log/inbox/changes.spec.ts', test: 'keeps one time of reading' }],
  },
  {
    name: 'recall-without-the-tombstone',
    breaks: 'A recall brings the name of an erased recipient back.',
    edits: [
      {
        file: 'src/log/migrations/recall-function.ts',
        find: "is_erased := ${erasureOf(schema, 'recall')} IS NOT NULL;",
        replace: 'is_erased := false;',
      },
    ],
    caughtBy: [{ file: 'test/log/upkeep/eraser.spec.ts', test: 'is not undone by a recall' }],
  },
  {
    name: 'drops-without-a-bound',
    breaks: 'Every dropped notification is recorded for as long as entries: duplicates fill the disk.',
    edits: [
      {
        file: 'src/log/append/drop-log.ts',
        find: 'OFFSET greatest(${MOST_DROPPED} - f.n, 0)',
        replace: 'OFFSET 1000000',
      },
    ],
    caughtBy: [{ file: 'test/log/append/dropped.spec.ts', test: 'among the newest 100 of its feed' }],
  },
  {
    name: 'page-gives-up',
    breaks: 'A page is empty where changes of state fill the first places.',
    edits: [
      {
        file: 'src/log/inbox/page.ts',
        find: 'if (page.items.length > 0 || page.next === null ||',
        replace: 'if (scan > 0 ||',
      },
    ],
    caughtBy: [{ file: 'test/log/inbox/pages.spec.ts', test: 'are never empty' }],
  },
  {
    name: 'page-with-a-later-cursor',
    breaks:
      'A page that took a second look has the cursor of that one: what came in between is on no page and in no frame.',
    edits: [
      { file: 'src/log/inbox/page.ts', find: 'return { ...first, items', replace: 'return { ...page, items' },
    ],
    caughtBy: [{ file: 'test/log/inbox/pages.spec.ts', test: 'counts and the cursor of the first look' }],
  },
  {
    name: 'restore-not-noticed',
    breaks:
      'A restored database goes on with the old epochs, and gives out numbers again that clients have seen (G6).',
    edits: [
      {
        file: 'src/log/database/restore-guard.ts',
        find: '    if (!sign) return false;',
        replace: '    return false;',
      },
    ],
    caughtBy: [
      {
        file: 'test/log/database/restore-guard.spec.ts',
        test: 'gets new epochs before anything is appended',
      },
    ],
  },
  {
    name: 'failover-taken-for-a-restore',
    breaks: 'A standby takes over that has everything, and every client is reset all the same.',
    edits: [
      {
        file: 'src/log/database/restore-guard.ts',
        find: 'if (before === null || !before.synchronous || !seen.has_last_key) return false;',
        replace: 'if (before !== null || !seen.has_last_key) return false;',
      },
    ],
    caughtBy: [
      {
        file: 'test/slow/log-failover.spec.ts',
        test: 'keeps its cursors when the primary crashes and commits waited for the standby',
      },
    ],
  },
];
