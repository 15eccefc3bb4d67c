import type { MigrationInterface, QueryRunner } from 'typeorm';
import { appendFunction1 } from './append-function-1.js';
import { itemJsonFunction } from './item-json-function.js';
import { schemaOf } from './schema.js';

/** The log: feeds, entries, dedupe keys, and the functions that append and encode. */
export class Log1763800000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(`
      CREATE TABLE ${schema}.feed (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT feed_pkey PRIMARY KEY,
        tenant text NOT NULL,
        recipient text NOT NULL,
        epoch text NOT NULL DEFAULT substr(replace(gen_random_uuid()::text, '-', ''), 1, 10),
        head bigint NOT NULL DEFAULT 0,
        floor bigint NOT NULL DEFAULT 0,
        kept integer NOT NULL DEFAULT 0,
        unread integer NOT NULL DEFAULT 0,
        unseen integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT feed_tenant_recipient UNIQUE (tenant, recipient)
      ) WITH (fillfactor = 50)`);
    await runner.query(`
      CREATE TABLE ${schema}.entry (
        feed_id bigint NOT NULL,
        seq bigint NOT NULL,
        id uuid,
        type text NOT NULL,
        title text,
        body text,
        link text,
        data json NOT NULL,
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        read_at timestamptz,
        archived_at timestamptz,
        collapse_key text,
        count integer NOT NULL DEFAULT 1,
        replaces uuid[] NOT NULL DEFAULT '{}',
        hidden boolean NOT NULL DEFAULT false,
        bytes integer NOT NULL,
        CONSTRAINT entry_pkey PRIMARY KEY (feed_id, seq)
      )`);
    await runner.query(`
      CREATE INDEX entry_expiring ON ${schema}.entry (feed_id, expires_at)
        WHERE expires_at IS NOT NULL AND NOT hidden`);
    await runner.query(`
      CREATE TABLE ${schema}.dedupe_key (
        hash bytea CONSTRAINT dedupe_key_pkey PRIMARY KEY,
        feed_id bigint NOT NULL,
        seq bigint NOT NULL,
        created_at timestamptz NOT NULL
      )`);
    // BRIN: rows arrive in the order of their times, and appends should not pay for an index of the
    // retention.
    await runner.query(`CREATE INDEX entry_created_at ON ${schema}.entry USING brin (created_at)`);
    await runner.query(`CREATE INDEX dedupe_key_created_at ON ${schema}.dedupe_key USING brin (created_at)`);
    await runner.query(`
      CREATE TABLE ${schema}.installation (
        single boolean NOT NULL DEFAULT true CONSTRAINT installation_pkey PRIMARY KEY
          CONSTRAINT installation_single CHECK (single),
        incarnation text NOT NULL,
        system_identifier text,
        timeline integer
      )`);
    await runner.query(itemJsonFunction(schema));
    await runner.query(appendFunction1(schema));
  }

  async down(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(`DROP FUNCTION ${schema}.append`);
    await runner.query(`DROP FUNCTION ${schema}.item_json`);
    for (const table of ['installation', 'dedupe_key', 'entry', 'feed']) {
      await runner.query(`DROP TABLE ${schema}.${table}`);
    }
  }
}
