import { LogDatabase } from '../../src/log/database/database.js';

/** Notifications that a feed keeps. */
const PER_FEED = 50;

/** A log of its own schema, with as many entries as asked for and a past: what was trimmed, marked as read, and written into the freed space. */
export class FilledLog {
  private constructor(
    readonly database: LogDatabase,
    readonly entries: number,
    readonly pid: number,
  ) {}

  /** Fills it, unless that was done in an earlier run. */
  static async open(url: string, entries: number): Promise<FilledLog> {
    const schema = `log_${entries}`;
    // One connection, so that its process has done all the work that is measured.
    const database = await LogDatabase.connect({ url, schema, poolSize: 1, queryTimeoutMs: 900_000 });
    const [backend] = await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const log = new FilledLog(database, entries, backend!.pid);
    const [found] = await database.query<{ filled: boolean }>(
      `SELECT EXISTS (SELECT FROM ${schema}.feed WHERE kept > 0) AS filled`,
    );
    if (!found!.filled) await log.fill();
    return log;
  }

  get feeds(): number {
    return this.entries / PER_FEED;
  }

  /** Recipients all over the table. */
  recipients(count: number): string[] {
    return Array.from({ length: count }, (_, n) => `r-${Math.floor((n * this.feeds) / count) + 1}`);
  }

  /** Makes the oldest entry of so many feeds, and as many dedupe keys, older than any limit. */
  async makeDue(count: number): Promise<void> {
    const { database } = this;
    await database.query(
      (schema) => `
      WITH oldest AS (
        SELECT f.id, f.floor + 1 AS seq FROM ${schema}.feed f WHERE f.recipient = ANY ($1)
      ),
      aged AS (
        UPDATE ${schema}.entry e SET created_at = e.created_at - interval '60 days' FROM oldest o WHERE e.feed_id = o.id AND e.seq = o.seq
        RETURNING e.feed_id, e.created_at
      )
      UPDATE ${schema}.feed f SET oldest_at = a.created_at FROM aged a WHERE f.id = a.feed_id`,
      [this.recipients(count)],
    );
    await database.query(
      (schema) => `
      UPDATE ${schema}.dedupe_key SET created_at = created_at - interval '120 days'
       WHERE hash IN (SELECT hash FROM ${schema}.dedupe_key ORDER BY hash LIMIT $1)`,
      [count],
    );
  }

  /** Blocks of our tables and their indexes that the work has touched, in memory or not. */
  async blocksOf(work: () => Promise<unknown>): Promise<number> {
    const before = await this.blocks();
    await work();
    return (await this.blocks()) - before;
  }

  close(): Promise<void> {
    return this.database.close();
  }

  private async blocks(): Promise<number> {
    // What this process has counted reaches the view with the end of its transaction, at most once a second unless it is forced.
    await this.database.query('SELECT pg_stat_force_next_flush()');
    const [row] = await this.database.query<{ n: string }>(
      (schema) => `
      SELECT sum(heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit, 0) + coalesce(idx_blks_read, 0)) AS n
        FROM pg_statio_user_tables WHERE relid IN ('${schema}.feed'::regclass, '${schema}.entry'::regclass, '${schema}.dedupe_key'::regclass,
                                                   '${schema}.dropped'::regclass, '${schema}.read_mark'::regclass)`,
    );
    return Number(row!.n);
  }

  private async fill(): Promise<void> {
    const { database, feeds } = this;
    const run = async (...statements: string[]): Promise<void> => {
      for (const statement of statements)
        await database.query(statement.replaceAll('@', `log_${this.entries}.`));
    };
    const step = (what: string): void =>
      console.log(`  ${new Date().toISOString()} ${this.entries.toLocaleString('en')} entries: ${what}`);
    const entriesOf = (first: number, count: number, ageDays: string): string => `
      INSERT INTO @entry (feed_id, seq, id, type, title, body, link, data, created_at, bytes)
      SELECT k % ${feeds} + 1, ${first} + k / ${feeds}, gen_random_uuid(), 'task-completed', 'Export of the quarterly figures', 'Done in 48 s',
             '/exports/7', '{"taskId":"0193a5b0-7d52","title":"Export of the quarterly figures","status":"succeeded","durationMs":48211}',
             now() - interval '1 day' * (${ageDays}), 600
        FROM generate_series(0, ${count * feeds - 1}) AS k`;

    step('feeds and their first two months');
    await run(
      `SET synchronous_commit = off`,
      `SET maintenance_work_mem = '512MB'`,
      `ALTER TABLE @entry SET (autovacuum_enabled = off)`,
      `ALTER TABLE @dedupe_key SET (autovacuum_enabled = off)`,
      `ALTER TABLE @entry DROP CONSTRAINT entry_pkey`,
      `INSERT INTO @feed (tenant, recipient) SELECT '', 'r-' || n FROM generate_series(1, ${feeds}) n`,
      // From 54 to 4 days ago, in the order of time.
      entriesOf(1, PER_FEED, `54 - k::float8 / ${feeds}`),
      `ALTER TABLE @entry ADD CONSTRAINT entry_pkey PRIMARY KEY (feed_id, seq)`,
      `VACUUM ANALYZE @entry`,
    );
    step('15 % are read, half is trimmed, and new ones take the space');
    await run(
      `UPDATE @entry SET read_at = now() WHERE random() < 0.15`,
      `DELETE FROM @entry WHERE seq <= ${PER_FEED / 2}`,
      `VACUUM @entry`,
      entriesOf(PER_FEED + 1, PER_FEED / 2, `4 - 4 * k::float8 / ${(feeds * PER_FEED) / 2}`),
    );
    step('dedupe keys, of which the oldest were pruned');
    const keysOf = (from: number, to: number): string => `
      INSERT INTO @dedupe_key (hash, feed_id, seq, created_at)
      SELECT decode(md5(k::text), 'hex'), k % ${feeds} + 1, k / ${feeds} + 1, now() - interval '100 days' * (1 - k::float8 / ${1.4 * this.entries})
        FROM generate_series(${from}, ${to - 1}) AS k`;
    await run(
      `DROP INDEX @dedupe_key_oldest`,
      `ALTER TABLE @dedupe_key DROP CONSTRAINT dedupe_key_pkey`,
      keysOf(0, this.entries),
      `DELETE FROM @dedupe_key WHERE created_at < now() - interval '80 days'`,
      `VACUUM @dedupe_key`,
      keysOf(this.entries, 1.2 * this.entries),
      `ALTER TABLE @dedupe_key ADD CONSTRAINT dedupe_key_pkey PRIMARY KEY (hash)`,
    );
    const begunAt = performance.now();
    await run(`CREATE INDEX dedupe_key_oldest ON @dedupe_key (created_at)`);
    step(`the index of the migration took ${((performance.now() - begunAt) / 1_000).toFixed(1)} s`);
    await run(
      `UPDATE @feed f SET head = ${1.5 * PER_FEED}, floor = ${PER_FEED / 2}, kept = ${PER_FEED}, unread = n.unread, unseen = n.unread,
              oldest_at = n.oldest_at
         FROM (SELECT feed_id, min(created_at) AS oldest_at, (count(*) FILTER (WHERE read_at IS NULL))::integer AS unread
                 FROM @entry GROUP BY feed_id) n
        WHERE n.feed_id = f.id`,
      `VACUUM ANALYZE @feed`,
      `VACUUM ANALYZE @entry`,
      `VACUUM ANALYZE @dedupe_key`,
      `RESET synchronous_commit`,
      `RESET maintenance_work_mem`,
    );
    step('filled');
  }
}
