import type { Mutation } from './mutation.js';

const APPEND_FUNCTION = 'src/log/migrations/append-function.ts';
const APPEND_TESTS = 'test/log/append/append.spec.ts';

export const LOG_MUTATIONS: readonly Mutation[] = [
  {
    name: 'numbers-before-the-lock',
    breaks:
      'The numbers are given out before the feed is locked, which the update of its head does at the end.',
    edits: [
      {
        file: APPEND_FUNCTION,
        find: ' ORDER BY f.id FOR NO KEY UPDATE SKIP LOCKED\n  ) l;',
        replace: ' ORDER BY f.id\n  ) l;',
      },
    ],
    caughtBy: [
      { file: APPEND_TESTS, test: 'leaves no hole and gives no number twice' },
      { file: 'test/guarantees/g5-jobs-that-run-twice.spec.ts' },
    ],
  },
  {
    name: 'dedupe-check-in-the-lock-statement',
    breaks: 'The dedupe keys are read in the statement of the lock, on a snapshot from before it.',
    edits: [
      {
        file: APPEND_FUNCTION,
        find: '  locked bigint[];\n',
        replace: '  locked bigint[];\n  known bytea[];\n',
      },
      {
        file: APPEND_FUNCTION,
        find: "SELECT coalesce(array_agg(l.id), '{}') INTO locked FROM (",
        replace: `SELECT coalesce(array_agg(l.id), '{}'),
         (SELECT coalesce(array_agg(k.hash), '{}') FROM \${schema}.dedupe_key k WHERE k.hash = ANY (hashes))
    INTO locked, known FROM (`,
      },
      {
        file: APPEND_FUNCTION,
        find: 'LEFT JOIN ${schema}.dedupe_key k ON k.hash = i.hash',
        replace: 'LEFT JOIN ${schema}.dedupe_key k ON k.hash = i.hash AND k.hash = ANY (known)',
      },
    ],
    caughtBy: [{ file: 'test/guarantees/g5-jobs-that-run-twice.spec.ts' }],
  },
  {
    name: 'commit-not-on-the-disk',
    breaks: 'A commit does not wait for the disk where the server is told not to (G1, G9).',
    edits: [
      {
        file: APPEND_FUNCTION,
        find: "IF current_setting('synchronous_commit') IN ('off', 'local') THEN",
        replace: 'IF false THEN',
      },
    ],
    caughtBy: [{ file: APPEND_TESTS, test: 'waits for the disk' }],
  },
  {
    name: 'announced-before-the-commit',
    breaks: 'The bus brings an entry whose transaction is not committed yet (G1).',
    edits: [
      {
        file: 'src/log/append/append-batch.ts',
        find: '  const rows = await database.query<AppendRow & Record<string, unknown>>(APPEND, [',
        replace: `  const client = await database.pool.connect();
  await client.query('BEGIN');
  setTimeout(() => void client.query('COMMIT').finally(() => client.release()), 300);
  const { rows } = await client.query<AppendRow & Record<string, unknown>>(database.text(APPEND), [`,
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
        find: '{ ...stateOf(row), entries: [] }',
        replace:
          '{ ...stateOf(row), floor: Number(states.find(({ id }) => id === row.id)!.floor), entries: [] }',
      },
    ],
    caughtBy: [{ file: 'test/guarantees/g6-one-snapshot.spec.ts' }],
  },
  {
    name: 'trimmed-without-the-floor',
    breaks: 'Retention deletes entries and leaves the floor where it was (G6).',
    edits: [{ file: 'src/log/upkeep/retention.ts', find: 'SET floor = d.last, kept', replace: 'SET kept' }],
    caughtBy: [
      { file: 'test/log/upkeep/retention.spec.ts', test: 'moves floor and counts' },
      { file: 'test/guarantees/g6-one-snapshot.spec.ts' },
    ],
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
];
