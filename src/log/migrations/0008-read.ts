import type { MigrationInterface, QueryRunner } from 'typeorm';
import { openFeedsFunction, readPagesFunction } from './read-functions.js';
import { schemaOf } from './schema.js';

/** Functions that open feeds and read pages of them, so that their plans are kept. */
export class Read1763800000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(openFeedsFunction(schema));
    await runner.query(readPagesFunction(schema));
  }

  async down(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(`DROP FUNCTION ${schema}.read_pages`);
    await runner.query(`DROP FUNCTION ${schema}.open_feeds`);
  }
}
