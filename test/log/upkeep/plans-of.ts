import type { LogDatabase } from '../../../src/log/database/database.js';

/** Runs something, and returns the plans of the statements in its transactions. */
export async function plansOf(database: LogDatabase, run: () => Promise<unknown>): Promise<string[]> {
  const plans: string[] = [];
  const transaction = database.transaction.bind(database);
  database.transaction = (work) =>
    transaction((query) =>
      work(async (text, values) => {
        const { rows } = await query<{ 'QUERY PLAN': string }>(`EXPLAIN ${text}`, values);
        plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
        return query(text, values);
      }),
    );
  try {
    await run();
  } finally {
    database.transaction = transaction;
  }
  return plans;
}
