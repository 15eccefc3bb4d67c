import type { MigrationInterface, QueryRunner } from 'typeorm';
import { AUDIENCE_SIGNATURES, audienceFunctions } from './audience-functions.js';
import { expireFunction } from './expire-function.js';
import { expireFunction2 } from './expire-function-2.js';
import { schemaOf } from './schema.js';

/** Audiences: entries that are taken into the feeds of their members when these look. */
export class Audiences1763800000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    // Without defaults, so that no row is rewritten.
    await runner.query(`ALTER TABLE ${schema}.feed ADD COLUMN audiences bigint[], ADD COLUMN taken bigint[]`);
    await runner.query(
      `ALTER TABLE ${schema}.entry ADD COLUMN audience_id bigint, ADD COLUMN audience_seq bigint`,
    );
    // Partial: an ordinary append does not touch it.
    await runner.query(`
      CREATE INDEX entry_taken ON ${schema}.entry (feed_id, audience_id, audience_seq) WHERE audience_id IS NOT NULL`);
    await runner.query(`ALTER TABLE ${schema}.outbox ADD COLUMN audience text`);
    await runner.query(
      `COMMENT ON COLUMN ${schema}.outbox.audience IS 'In place of recipients: everybody whose credential names this audience.'`,
    );
    for (const statement of audienceFunctions(schema)) await runner.query(statement);
    await runner.query(expireFunction2(schema));
  }

  async down(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(`DROP FUNCTION ${schema}.expire(bigint[], integer)`);
    await runner.query(expireFunction(schema));
    for (const signature of AUDIENCE_SIGNATURES) await runner.query(`DROP FUNCTION ${schema}.${signature}`);
    await runner.query(`ALTER TABLE ${schema}.outbox DROP COLUMN audience`);
    await runner.query(`ALTER TABLE ${schema}.entry DROP COLUMN audience_id, DROP COLUMN audience_seq`);
    await runner.query(`ALTER TABLE ${schema}.feed DROP COLUMN audiences, DROP COLUMN taken`);
  }
}
