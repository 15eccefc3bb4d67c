import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from './schema.js';

/** Tickets for streams, by their hash. Unlogged: they live for seconds, and belong neither into a backup nor into the write-ahead log. */
export class Tickets1763800000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(`
      CREATE UNLOGGED TABLE ${schema}.ticket (
        hash bytea CONSTRAINT ticket_pkey PRIMARY KEY,
        tenant text NOT NULL,
        recipient text NOT NULL,
        audiences text[] NOT NULL,
        credential_ends_at timestamptz,
        usable_until timestamptz NOT NULL
      )`);
    await runner.query(`CREATE INDEX ticket_usable_until ON ${schema}.ticket (usable_until)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE ${schemaOf(runner)}.ticket`);
  }
}
