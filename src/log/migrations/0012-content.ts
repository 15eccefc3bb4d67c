import type { MigrationInterface, QueryRunner } from 'typeorm';
import { appendBatchFunction } from './append-batch-function.js';
import { appendOneFunction } from './append-one-function.js';
import { takeAudiences } from './audience-functions.js';
import { itemJsonFunction } from './item-json-function.js';
import { readPagesFunction } from './read-functions.js';
import { schemaOf } from './schema.js';

/**
 * Images, actions, categories and severities of notifications.
 *
 * The functions that append get parameters for them as new functions; those of older processes, which know
 * none of it, stay.
 */
export class Content1763800000012 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    // All without a default, so that no row is rewritten.
    await runner.query(`
      ALTER TABLE ${schema}.entry
        -- Image, actions and severity, as members of the item's JSON.
        ADD COLUMN content json,
        ADD COLUMN category text,
        -- The id of the action that was chosen.
        ADD COLUMN action text,
        ADD COLUMN acted_at timestamptz`);
    await runner.query(itemJsonFunction(schema, { content: true }));
    await runner.query(appendBatchFunction(schema, { cancelled: true, content: true }));
    await runner.query(appendOneFunction(schema, { cancelled: true, content: true }));
    await runner.query(takeAudiences(schema));
    await runner.query(takeAudiences(schema, { content: true }));
    await runner.query(readPagesFunction(schema));
  }

  down(): Promise<void> {
    return Promise.reject(new Error('This migration is not taken back: older code runs on its schema.'));
  }
}
