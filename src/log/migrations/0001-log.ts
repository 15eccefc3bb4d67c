import type { MigrationInterface, QueryRunner } from 'typeorm';
import { appendFunction1 } from './append-function-1.js';
import { itemJsonFunction } from './item-json-function.js';
import { schemaOf } from './schema.js';

/** The log: feeds, entries, dedupe keys, and the functions that append and encode. */
export class Log1763800000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    // Numbers are assigned under the lock of a feed's row, which orders the feed's writers. Half of each page
    // stays free, so that an append's update stays on its page (a HOT update: no index is touched).
    await runner.query(`
      CREATE TABLE ${schema}.feed (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT feed_pkey PRIMARY KEY,
        tenant text NOT NULL,
        recipient text NOT NULL,
        -- The random word in every cursor of this feed.
        epoch text NOT NULL DEFAULT substr(replace(gen_random_uuid()::text, '-', ''), 1, 10),
        -- The number of the last entry, and the last number that was trimmed.
        head bigint NOT NULL DEFAULT 0,
        floor bigint NOT NULL DEFAULT 0,
        -- Kept notifications, without entries of state; those that are visible and unread; and those of them above seen_up_to.
        kept integer NOT NULL DEFAULT 0,
        unread integer NOT NULL DEFAULT 0,
        unseen integer NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT feed_tenant_recipient UNIQUE (tenant, recipient)
      ) WITH (fillfactor = 50)`);
    // There is no foreign key to the feed: its check would lock the feed's row once more for each entry, and only
    // retention and erasure remove rows, both starting at the feed.
    await runner.query(`
      CREATE TABLE ${schema}.entry (
        feed_id bigint NOT NULL,
        seq bigint NOT NULL,
        -- Of the notification; null for a change of state.
        id uuid,
        type text NOT NULL,
        title text,
        body text,
        link text,
        -- json, not jsonb, preserves the text, so that a replayed frame equals the live one.
        data json NOT NULL,
        -- The type's version that data was written for.
        version integer NOT NULL DEFAULT 1,
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        -- When this entry was read or archived on its own; null if at most the feed's watermark covers it, see read-state-functions.ts.
        read_at timestamptz,
        archived_at timestamptz,
        collapse_key text,
        -- How many notifications this one stands for, and the ids of those that it replaced.
        count integer NOT NULL DEFAULT 1,
        replaces uuid[] NOT NULL DEFAULT '{}',
        -- Recalled, deleted, replaced or expired: the row only moves cursors.
        hidden boolean NOT NULL DEFAULT false,
        -- The approximate size of the frame, so that a page can be limited before its rows are fetched.
        bytes integer NOT NULL,
        CONSTRAINT entry_pkey PRIMARY KEY (feed_id, seq)
      )`);
    await runner.query(`
      CREATE INDEX entry_expiring ON ${schema}.entry (feed_id, expires_at)
        WHERE expires_at IS NOT NULL AND NOT hidden`);
    // In a table of its own, because a key outlives its entry: a late job must not bring back what was trimmed,
    // deleted or erased (G5).
    await runner.query(`
      CREATE TABLE ${schema}.dedupe_key (
        -- The first 16 bytes of a SHA-256 of tenant, recipient and key: it also outlives the feed, and must not identify the recipient then.
        hash bytea CONSTRAINT dedupe_key_pkey PRIMARY KEY,
        feed_id bigint NOT NULL,
        -- The number of the entry; 0 if it was recalled before it was delivered.
        seq bigint NOT NULL,
        created_at timestamptz NOT NULL
      )`);
    // BRIN: rows arrive in the order of their times, and appends should not pay for an index of the
    // retention.
    await runner.query(`CREATE INDEX entry_created_at ON ${schema}.entry USING brin (created_at)`);
    await runner.query(`CREATE INDEX dedupe_key_created_at ON ${schema}.dedupe_key USING brin (created_at)`);
    // The one row that identifies this database, see restore-guard.ts.
    await runner.query(`
      CREATE TABLE ${schema}.installation (
        single boolean NOT NULL DEFAULT true CONSTRAINT installation_pkey PRIMARY KEY
          CONSTRAINT installation_single CHECK (single),
        -- Changes with every rotation of epochs, so that only one of several processes that detect a restore rotates.
        incarnation text NOT NULL,
        -- From pg_control_system() and pg_control_checkpoint(); null if the server does not reveal them.
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
