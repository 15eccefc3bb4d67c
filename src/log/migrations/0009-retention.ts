import type { MigrationInterface, QueryRunner } from 'typeorm';
import { appendBatchFunction } from './append-batch-function.js';
import { appendFunction2 } from './append-function-2.js';
import { appendOneFunction } from './append-one-function.js';
import { takeAudiences } from './audience-functions.js';
import { changeFunctions } from './change-functions.js';
import { expireFunction2 } from './expire-function-2.js';
import { openFeedsFunction, readPagesFunction } from './read-functions.js';
import { schemaOf } from './schema.js';
import { trimFunction } from './trim-function.js';
import { isUnneeded } from './unneeded-feed.js';

/**
 * Indexes that know what the retention has to do, a bound for changes of state, and compact changes of many
 * notifications.
 *
 * No table is rewritten: the columns have constant defaults or none. Existing feeds get the `oldest_at` that
 * asks for a look, so the first sweeps fill it in, some feeds at a time. The index on dedupe keys takes a few
 * seconds for five million; an operator who made it before (CREATE INDEX CONCURRENTLY) does not wait for it.
 *
 * The functions are replaced by their present text, which earlier migrations use as well: it names the
 * columns of this one, and nothing calls it in between. The BRIN index on entries is for older code, whose
 * retention would scan the table without it.
 */
export class Retention1763800000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    await runner.query(`
      ALTER TABLE ${schema}.feed
        -- The time of the oldest entry; null if there is none. -infinity asks the retention for a look, see oldest-at.ts.
        ADD COLUMN oldest_at timestamptz DEFAULT '-infinity',
        -- Changes of state up to this number may be missing, so a cursor below it cannot be honoured; notifications above floor are kept.
        ADD COLUMN replay_floor bigint NOT NULL DEFAULT 0,
        -- How many changes of state are missing above floor: head - floor - kept - compacted are there.
        ADD COLUMN compacted integer NOT NULL DEFAULT 0,
        -- When an empty feed was last used, to the day: unused ones are deleted.
        ADD COLUMN touched_at timestamptz NOT NULL DEFAULT now(),
        ADD CONSTRAINT feed_oldest_at CHECK (oldest_at IS NOT NULL OR head = floor) NOT VALID`);
    // That was for existing rows; a new feed has no entries.
    await runner.query(`ALTER TABLE ${schema}.feed ALTER COLUMN oldest_at DROP DEFAULT`);
    // The places of the notifications that a change of state has changed, if they are too many to store their ids.
    await runner.query(`ALTER TABLE ${schema}.entry ADD COLUMN changed_places int8multirange`);
    await runner.query(`CREATE INDEX feed_due ON ${schema}.feed (oldest_at) WHERE oldest_at IS NOT NULL`);
    await runner.query(`CREATE INDEX feed_empty ON ${schema}.feed (touched_at) WHERE ${isUnneeded('feed')}`);
    // In order of time by construction: a sweep reads the low end, an append writes the high end.
    await runner.query(`CREATE INDEX IF NOT EXISTS dedupe_key_oldest ON ${schema}.dedupe_key (created_at)`);
    await runner.query(`DROP INDEX ${schema}.dedupe_key_created_at`);
    await runner.query(`CREATE INDEX dropped_oldest ON ${schema}.dropped (at)`);
    await runner.query(`DROP INDEX ${schema}.dropped_at`);

    await runner.query(appendFunction2(schema));
    await runner.query(appendBatchFunction(schema, { cancelled: true }));
    await runner.query(appendOneFunction(schema, { cancelled: true }));
    for (const statement of changeFunctions(schema)) await runner.query(statement);
    await runner.query(expireFunction2(schema));
    await runner.query(takeAudiences(schema));
    await runner.query(openFeedsFunction(schema));
    await runner.query(readPagesFunction(schema));
    await runner.query(trimFunction(schema));
  }

  down(): Promise<void> {
    return Promise.reject(new Error('This migration is not taken back: older code runs on its schema.'));
  }
}
