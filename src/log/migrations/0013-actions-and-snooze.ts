import type { MigrationInterface, QueryRunner } from 'typeorm';
import { actFunction } from './act-function.js';
import { takeAudiences } from './audience-functions.js';
import { changeFunctions } from './change-functions.js';
import { expireFunction2 } from './expire-function-2.js';
import { schemaOf } from './schema.js';
import { snoozeFunctions } from './snooze-functions.js';
import { trimFunction } from './trim-function.js';

/** Actions that recipients choose, and notifications that are away until a time. */
export class ActionsAndSnooze1763800000013 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    // The number in the id of a notification that came back with another one; null: it has its own.
    await runner.query(`ALTER TABLE ${schema}.entry ADD COLUMN origin bigint`);
    // Partial: an ordinary append does not touch it.
    await runner.query(`
      CREATE INDEX entry_returned ON ${schema}.entry (feed_id, origin, seq) WHERE origin IS NOT NULL`);
    // They go with the feed, whichever version of the code deletes its row.
    const feedId = `feed_id bigint NOT NULL REFERENCES ${schema}.feed ON DELETE CASCADE`;
    await runner.query(`
      CREATE TABLE ${schema}.snoozed (
        ${feedId},
        -- The number in its id.
        place bigint NOT NULL,
        until timestamptz NOT NULL,
        -- When it comes back or expires, whichever is first.
        due_at timestamptz NOT NULL,
        -- As in entry.
        id uuid NOT NULL,
        type text NOT NULL,
        title text,
        body text,
        link text,
        content json,
        category text,
        action text,
        acted_at timestamptz,
        data json NOT NULL,
        version integer NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        count integer NOT NULL,
        bytes integer NOT NULL,
        audience_id bigint,
        audience_seq bigint,
        CONSTRAINT snoozed_pkey PRIMARY KEY (feed_id, place)
      )`);
    await runner.query(`CREATE INDEX snoozed_due ON ${schema}.snoozed (due_at)`);
    // Actions whose job is not on its queue yet: written with the action, deleted when the queue has the job.
    await runner.query(`
      CREATE TABLE ${schema}.action_outbox (
        ${feedId},
        id uuid NOT NULL,
        action text NOT NULL,
        acted_at timestamptz NOT NULL,
        -- The notification as on the wire.
        item text NOT NULL,
        CONSTRAINT action_outbox_pkey PRIMARY KEY (id, feed_id)
      )`);
    await runner.query(`CREATE INDEX action_outbox_oldest ON ${schema}.action_outbox (acted_at)`);
    for (const statement of snoozeFunctions(schema)) await runner.query(statement);
    for (const statement of changeFunctions(schema)) await runner.query(statement);
    await runner.query(expireFunction2(schema));
    await runner.query(takeAudiences(schema));
    await runner.query(takeAudiences(schema, { content: true }));
    await runner.query(trimFunction(schema));
    await runner.query(actFunction(schema));
  }

  down(): Promise<void> {
    return Promise.reject(new Error('This migration is not taken back: older code runs on its schema.'));
  }
}
