import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from './schema.js';

/**
 * The outbox: a public table that an application's own statements and triggers may insert into. It accepts
 * any values of the right types: a notification must
 * not make someone's order fail. The relay reports an invalid row in `problem`.
 */
export class Outbox1763800000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(`
      CREATE TABLE ${schema}.outbox (
        id uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT outbox_pkey PRIMARY KEY,
        type text,
        recipients text[],
        tenant text DEFAULT '',
        data json,
        version integer,
        dedupe_key text,
        deliver_at timestamptz,
        expires_at timestamptz,
        collapse_key text,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        failed_at timestamptz,
        problem text
      ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)`);
    await runner.query(
      `CREATE INDEX outbox_waiting ON ${schema}.outbox (created_at) WHERE failed_at IS NULL`,
    );
    await runner.query(`
      CREATE FUNCTION ${schema}.outbox_wake() RETURNS trigger LANGUAGE plpgsql
      AS $wake$
      BEGIN
        PERFORM pg_catalog.pg_notify(TG_TABLE_SCHEMA || '.outbox', 'rows');
        RETURN NULL;
      END
      $wake$`);
    await runner.query(`
      CREATE TRIGGER outbox_wake AFTER INSERT OR UPDATE OF failed_at ON ${schema}.outbox
        FOR EACH STATEMENT EXECUTE FUNCTION ${schema}.outbox_wake()`);
    for (const [column, comment] of Object.entries(COMMENTS)) {
      await runner.query(`COMMENT ON COLUMN ${schema}.outbox.${column} IS '${comment}'`);
    }
    await runner.query(
      `COMMENT ON TABLE ${schema}.outbox IS 'Notifications that become jobs when the transaction that inserts them commits.'`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(`DROP TABLE ${schema}.outbox`);
    await runner.query(`DROP FUNCTION ${schema}.outbox_wake`);
  }
}

const COMMENTS = {
  id: 'Made by default. The id of the job derives from it.',
  type: 'The declared type of the notification.',
  recipients: 'One recipient, or up to 1,000.',
  tenant: 'Empty by default.',
  data: 'What the schema of the type asks for, at most 64 KiB.',
  version: 'The version of the type that the data was written for. NULL: the present one.',
  dedupe_key: 'The same key never makes two entries in one feed. NULL: none.',
  deliver_at: 'Not delivered before. NULL: at once.',
  expires_at: 'Not shown after. NULL: as the type says.',
  collapse_key: 'Takes over from the unread notification of the same key. NULL: none.',
  created_at: 'Made by default.',
  failed_at: 'Set by the relay when the row can never become a job. Set it to NULL to have it tried again.',
  problem: 'Set by the relay: what is wrong with the row.',
};
