import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from './schema.js';

/** The names of the workers' options, with which processes that deliver directly compare theirs. */
export class WorkerOptions1763800000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(
      `ALTER TABLE ${schema}.installation ADD COLUMN worker_options text[] NOT NULL DEFAULT '{}'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE ${schemaOf(runner)}.installation DROP COLUMN worker_options`);
  }
}
