import type { LogDatabase } from '../../src/log/database/database.js';

/** How code of the schema's version 8 looks for what is due; once for each 50 feeds, until nothing is left. */
const LOOKS = (schema: string): string[] => [
  `SELECT id FROM ${schema}.feed WHERE kept > 1000 AND id > 0 ORDER BY id LIMIT 50`,
  `SELECT feed_id AS id FROM ${schema}.entry WHERE created_at < now() - interval '30 days' AND feed_id > 0
    GROUP BY feed_id ORDER BY feed_id LIMIT 50`,
  `SELECT hash FROM ${schema}.dedupe_key WHERE created_at < now() - interval '90 days' LIMIT 5000`,
];

interface Plan {
  readonly Plan: { readonly 'Shared Hit Blocks': number; readonly 'Shared Read Blocks': number };
}

/** Blocks that the previous version touches to look for what is due once, with its indexes. Nothing is changed. */
export function blocksOfPreviousLooks(database: LogDatabase): Promise<number> {
  return database.transaction(async (query) => {
    const { schema } = database;
    await query(`DROP INDEX ${schema}.dedupe_key_oldest`);
    await query(`CREATE INDEX ON ${schema}.dedupe_key USING brin (created_at)`);
    let blocks = 0;
    for (const look of LOOKS(schema)) {
      const { rows } = await query<{ 'QUERY PLAN': [Plan] }>(
        `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${look}`,
      );
      const { Plan: plan } = rows[0]!['QUERY PLAN'][0];
      blocks += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
    }
    await query(`ROLLBACK`);
    await query(`BEGIN`);
    return blocks;
  });
}
