import type { MigrationInterface, QueryRunner } from 'typeorm';
import { appendFunction2 } from './append-function-2.js';
import { appendFunction1 } from './append-function-1.js';
import { CHANGE_SIGNATURES, changeFunctions } from './change-functions.js';
import { READ_STATE_SIGNATURES, readStateFunctions } from './read-state-functions.js';
import { schemaOf } from './schema.js';
import { tombstoneHashFunction } from './tombstone-functions.js';

/**
 * The inbox: read state, collapsing and expiring notifications, preferences, erasure, and dropped
 * notifications. The append's parameters change, so older code
 * cannot run on this schema; none was released.
 */
export class Inbox1763800000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(`
      ALTER TABLE ${schema}.feed
        -- Entries up to these numbers are read or archived, except those that are marked as unread or unarchived again.
        ADD COLUMN read_up_to bigint NOT NULL DEFAULT 0,
        ADD COLUMN seen_up_to bigint NOT NULL DEFAULT 0,
        ADD COLUMN archived_up_to bigint NOT NULL DEFAULT 0,
        -- The types that the recipient has muted.
        ADD COLUMN muted text[] NOT NULL DEFAULT '{}',
        -- When the recipient was erased, if this feed was created afterwards.
        ADD COLUMN erased_at timestamptz`);
    await runner.query(`
      ALTER TABLE ${schema}.entry
        ADD COLUMN unread_again boolean NOT NULL DEFAULT false,
        ADD COLUMN unarchived boolean NOT NULL DEFAULT false`);
    // All partial: an ordinary append touches none.
    await runner.query(
      `CREATE INDEX entry_unread_again ON ${schema}.entry (feed_id, seq) WHERE unread_again`,
    );
    await runner.query(`CREATE INDEX entry_unarchived ON ${schema}.entry (feed_id, seq) WHERE unarchived`);
    await runner.query(`
      CREATE INDEX entry_collapsing ON ${schema}.entry (feed_id, collapse_key, seq)
        WHERE collapse_key IS NOT NULL AND NOT hidden`);
    await runner.query(`
      CREATE INDEX entry_due ON ${schema}.entry (expires_at) WHERE expires_at IS NOT NULL AND NOT hidden`);
    // One rise of a feed's read watermark: the time at which the entries that it newly covers were read.
    await runner.query(`
      CREATE TABLE ${schema}.read_mark (
        feed_id bigint NOT NULL,
        up_to bigint NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT read_mark_pkey PRIMARY KEY (feed_id, up_to)
      )`);
    // The erasure of a recipient or a tenant: older jobs are dropped.
    await runner.query(`
      CREATE TABLE ${schema}.tombstone (
        -- A SHA-256 of tenant and recipient, see tombstone_hash.
        hash bytea CONSTRAINT tombstone_pkey PRIMARY KEY,
        erased_at timestamptz NOT NULL
      )`);
    // A notification that a recipient did not get, with the reason; for support, kept as long as entries.
    await runner.query(`
      CREATE TABLE ${schema}.dropped (
        feed_id bigint NOT NULL,
        id bigint GENERATED ALWAYS AS IDENTITY,
        reason text NOT NULL,
        type text NOT NULL,
        job_id text NOT NULL,
        at timestamptz NOT NULL,
        CONSTRAINT dropped_pkey PRIMARY KEY (feed_id, id)
      )`);
    await runner.query(`CREATE INDEX dropped_at ON ${schema}.dropped USING brin (at)`);

    for (const statement of readStateFunctions(schema)) await runner.query(statement);
    await runner.query(tombstoneHashFunction(schema));
    await runner.query(`DROP FUNCTION ${schema}.append`);
    await runner.query(appendFunction2(schema));
    for (const statement of changeFunctions(schema)) await runner.query(statement);
  }

  async down(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    for (const signature of CHANGE_SIGNATURES) await runner.query(`DROP FUNCTION ${schema}.${signature}`);
    await runner.query(`DROP FUNCTION ${schema}.append`);
    await runner.query(appendFunction1(schema));
    await runner.query(`DROP FUNCTION ${schema}.tombstone_hash`);
    for (const signature of READ_STATE_SIGNATURES) await runner.query(`DROP FUNCTION ${schema}.${signature}`);
    for (const table of ['dropped', 'tombstone', 'read_mark'])
      await runner.query(`DROP TABLE ${schema}.${table}`);
    // Dropping a column drops its indexes; these two are on none of the dropped columns.
    await runner.query(`DROP INDEX ${schema}.entry_collapsing`);
    await runner.query(`DROP INDEX ${schema}.entry_due`);
    await runner.query(`ALTER TABLE ${schema}.entry DROP COLUMN unread_again, DROP COLUMN unarchived`);
    await runner.query(`
      ALTER TABLE ${schema}.feed
        DROP COLUMN read_up_to, DROP COLUMN seen_up_to, DROP COLUMN archived_up_to, DROP COLUMN muted, DROP COLUMN erased_at`);
  }
}
