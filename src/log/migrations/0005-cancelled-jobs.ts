import type { MigrationInterface, QueryRunner } from 'typeorm';
import { appendBatchFunction } from './append-batch-function.js';
import { appendOneFunction } from './append-one-function.js';
import { cancelJobFunction } from './cancel-job-function.js';
import { schemaOf } from './schema.js';

/** Cancelled jobs, which the append refuses; and the key by which a claimed Idempotency-Key shows whether its job was delivered. */
export class CancelledJobs1763800000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(`
      CREATE TABLE ${schema}.cancelled_job (
        fingerprint bytea CONSTRAINT cancelled_job_pkey PRIMARY KEY,
        queued_up_to bigint NOT NULL,
        at timestamptz NOT NULL
      )`);
    await runner.query(`CREATE INDEX cancelled_job_at ON ${schema}.cancelled_job (at)`);
    await runner.query(`ALTER TABLE ${schema}.dedupe_key ADD COLUMN delivers bytea`);
    await runner.query(cancelJobFunction(schema));
    await runner.query(appendBatchFunction(schema, { cancelled: true }));
    await runner.query(appendOneFunction(schema, { cancelled: true }));
  }

  async down(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(appendBatchFunction(schema));
    await runner.query(appendOneFunction(schema));
    await runner.query(`DROP FUNCTION ${schema}.cancel_job`);
    await runner.query(`ALTER TABLE ${schema}.dedupe_key DROP COLUMN delivers`);
    await runner.query(`DROP TABLE ${schema}.cancelled_job`);
  }
}
