import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from './schema.js';

/** The trace that a row of the outbox continues: W3C Trace Context, as a JSON object. */
export class OutboxContext1763800000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE ${schemaOf(runner)}.outbox ADD COLUMN trace_context json`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE ${schemaOf(runner)}.outbox DROP COLUMN trace_context`);
  }
}
