import type { QueryRunner } from 'typeorm';

/** The quoted schema of the migrations: the DataSource's. */
export function schemaOf(runner: QueryRunner): string {
  const { options } = runner.dataSource;
  if (options.type !== 'postgres' || !options.schema)
    throw new Error('The log needs a Postgres DataSource with a schema.');
  return `"${options.schema}"`;
}
