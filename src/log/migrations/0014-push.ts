import type { MigrationInterface, QueryRunner } from 'typeorm';
import { schemaOf } from './schema.js';

/** The browsers that get Web Push. */
export class Push1763800000014 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const schema = schemaOf(runner);
    // By name and not by feed: the retention deletes empty feeds, and a browser outlives its notifications.
    await runner.query(`
      CREATE TABLE ${schema}.push_subscription (
        -- The SHA-256 of the endpoint: a browser belongs to one recipient.
        id bytea CONSTRAINT push_subscription_pkey PRIMARY KEY,
        tenant text NOT NULL,
        recipient text NOT NULL,
        endpoint text NOT NULL,
        p256dh text NOT NULL,
        auth text NOT NULL,
        -- Since when it is this recipient's, when it subscribed last, and since when every message to it has failed.
        created_at timestamptz NOT NULL DEFAULT now(),
        confirmed_at timestamptz NOT NULL DEFAULT now(),
        failing_since timestamptz
      )`);
    await runner.query(`
      CREATE INDEX push_subscription_recipient ON ${schema}.push_subscription (tenant, recipient, confirmed_at)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE ${schemaOf(runner)}.push_subscription`);
  }
}
