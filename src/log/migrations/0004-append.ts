import type { MigrationInterface, QueryRunner } from 'typeorm';
import { appendBatchFunction } from './append-batch-function.js';
import { appendOneFunction } from './append-one-function.js';
import { schemaOf } from './schema.js';

/** The append with fewer statements, a function for a single notification, and fingerprints beside dedupe keys. */
export class Append1763800000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    // NULL: none was given. Without a default, so that no row is rewritten.
    await runner.query(`ALTER TABLE ${schema}.dedupe_key ADD COLUMN fingerprint bytea`);
    // The function `append` stays for processes of the previous version.
    await runner.query(appendBatchFunction(schema));
    await runner.query(appendOneFunction(schema));
  }

  async down(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(`DROP FUNCTION ${schema}.append_one`);
    await runner.query(`DROP FUNCTION ${schema}.append_batch`);
    await runner.query(`ALTER TABLE ${schema}.dedupe_key DROP COLUMN fingerprint`);
  }
}
