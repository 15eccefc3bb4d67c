import type { QueryRunner } from 'typeorm';

/** The quoted schema that the migrations write to: the DataSource's own. */
export function schemaOf(runner: QueryRunner): string {
  const { options } = runner.dataSource;
  if (options.type !== 'postgres' || !options.schema)
    throw new Error('The log needs a Postgres DataSource with a schema.');
  return `"${options.schema}"`;
}
