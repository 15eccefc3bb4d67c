import { markdown } from '../../../bench/report.js';
import type { World } from './world.js';

/** The memory and the rows of a deployment at one moment, so that what only ever grows is seen. */
export interface Stock {
  readonly when: string;
  /** Resident memory of all API processes. */
  readonly residentBytes: number;
  /** By table, of all schemas but Postgres' own. */
  readonly rows: ReadonlyMap<string, number>;
}

export async function takeStock(world: World, when: string): Promise<Stock> {
  const tables = await world.sql<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  );
  const rows = new Map<string, number>();
  for (const { name } of tables) {
    const [counted] = await world.sql<{ n: string }>(`SELECT count(*) AS n FROM ${name}`);
    rows.set(name, Number(counted!.n));
  }
  const sizes = await Promise.all(world.apis.map(({ service }) => service.residentBytes()));
  return { when, residentBytes: sizes.reduce<number>((sum, bytes) => sum + (bytes ?? 0), 0), rows };
}

/** A line for the memory and for each table that ever had a row, a column for each moment. */
export function stockTable(stocks: readonly Stock[]): string {
  const names = [...new Set(stocks.flatMap(({ rows }) => [...rows.keys()]))].sort();
  const count = ({ rows }: Stock, name: string): number => rows.get(name) ?? 0;
  const lines = [
    ['resident, MiB', ...stocks.map(({ residentBytes }) => String(Math.round(residentBytes / 2 ** 20)))],
    ...names
      .filter((name) => stocks.some((stock) => count(stock, name) > 0))
      .map((name) => [name, ...stocks.map((stock) => count(stock, name).toLocaleString('en'))]),
  ];
  return markdown(['rows', ...stocks.map(({ when }) => when)], lines, new Set(stocks.map((_, at) => at + 1)));
}
