import { isAudience } from '../../contract/model/audience.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { LogEraser, LogErasure } from '../../contract/ports/erase.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';

const FEEDS_PER_BATCH = 50;
const SUBSCRIPTIONS_PER_BATCH = 5_000;
const ENTRIES_PER_BATCH = 5_000;

/**
 * Parameters: tenant, recipient (null: the whole tenant). Result: the time from which jobs are accepted
 * again, in milliseconds. Unused tickets name recipients, and would bring them back.
 */
const BURY: Statement = (schema) => `
  WITH tickets AS (DELETE FROM ${schema}.ticket WHERE tenant = $1 AND ($2::text IS NULL OR recipient = $2))
  INSERT INTO ${schema}.tombstone (hash, erased_at)
  VALUES (${schema}.tombstone_hash($1, $2), date_trunc('milliseconds', clock_timestamp()))
  ON CONFLICT (hash) DO UPDATE SET erased_at = excluded.erased_at
  RETURNING (extract(epoch FROM erased_at) * 1000)::bigint AS at`;

/** Parameters: tenant, recipient (null: the whole tenant), time, maximum. Result: a row for each one deleted; later ones are of new recipients. */
const UNSUBSCRIBE: Statement = (schema) => `
  DELETE FROM ${schema}.push_subscription WHERE id IN (
    SELECT id FROM ${schema}.push_subscription
     WHERE tenant = $1 AND ($2::text IS NULL OR recipient = $2) AND created_at <= $3::timestamptz LIMIT $4)
  RETURNING 1`;

/**
 * Empties the feeds for all readers and writers at once, before their rows are deleted: anyone who comes
 * later finds a new epoch and nothing else.
 * Parameters: tenant, recipients, time. Result: the feeds' recipients, ids and heads.
 */
const EMPTY: Statement = (schema) => `
  UPDATE ${schema}.feed f
     SET epoch = DEFAULT, floor = f.head, oldest_at = NULL, touched_at = now(), compacted = 0, kept = 0, unread = 0, unseen = 0,
         read_up_to = 0, seen_up_to = 0, archived_up_to = 0,
         muted = '{}', audiences = NULL, taken = NULL, 
         -- Emptied feeds stay younger than the audiences of the tenant, so that they miss nothing of these.
         created_at = CASE WHEN starts_with(f.recipient, chr(1)) THEN f.created_at ELSE $3::timestamptz END,
         erased_at = $3::timestamptz
   WHERE f.id IN (SELECT l.id FROM ${schema}.feed l WHERE l.tenant = $1 AND l.recipient = ANY ($2::text[]) ORDER BY l.id
                     FOR NO KEY UPDATE)
  RETURNING f.recipient, f.id, f.head`;

/**
 * Parameters: ids of emptied feeds. Result: the time, under their locks. In the same transaction: what is snoozed would come
 * back into the empty feed.
 */
const FORGET: Statement = (schema) => `
  WITH snoozed AS (DELETE FROM ${schema}.snoozed WHERE feed_id = ANY ($1::bigint[]))
       , actions AS (DELETE FROM ${schema}.action_outbox WHERE feed_id = ANY ($1::bigint[]))
  SELECT date_trunc('milliseconds', clock_timestamp()) AS at`;

/**
 * Parameters: feed id, head, maximum entries. Result: the number of deleted rows; as a count, so that the
 * rows are not sent.
 */
const DELETE_ENTRIES: Statement = (schema) => `
  WITH gone AS (
    DELETE FROM ${schema}.entry WHERE feed_id = $1 AND seq IN (
      SELECT seq FROM ${schema}.entry WHERE feed_id = $1 AND seq <= $2 ORDER BY seq LIMIT $3)
    RETURNING 1
  )
  SELECT count(*)::integer AS n FROM gone`;

/**
 * Parameters: feed id, head, time. The feed's own row stays if it has changed meanwhile: then it belongs to
 * the new feed.
 */
const DELETE_REST: Statement = (schema) => `
  WITH marks AS (DELETE FROM ${schema}.read_mark WHERE feed_id = $1 AND up_to <= $2),
       dropped AS (DELETE FROM ${schema}.dropped WHERE feed_id = $1 AND at <= now())
  DELETE FROM ${schema}.feed WHERE id = $1 AND head = $2 AND erased_at = $3::timestamptz`;

/**
 * Parameters: tenant, time, the recipient to continue after, maximum feeds. Feeds created later belong to new
 * recipients.
 */
const FIND_FEEDS: Statement = (schema) => `
  SELECT recipient FROM ${schema}.feed
   WHERE tenant = $1 AND created_at <= $2::timestamptz AND recipient > $3 ORDER BY recipient LIMIT $4`;

interface EmptiedFeed {
  readonly recipient: string;
  readonly id: string;
  readonly head: string;
}

/**
 * Erases recipients from the log, in steps that are each safe to repeat:
 *
 *     as it was --tombstone--> late jobs are dropped --empty--> a new epoch, nothing visible --delete--> no rows left
 *
 * The tombstone is committed before the feed's row is looked up, and an append looks for the tombstone under
 * the lock of the row that it found: so one of the two always sees the other. A failure midway leaves an
 * emptied row, which the next attempt finds again. Dedupe keys stay: they are hashes, and keep repeated jobs
 * from making a second entry.
 */
export class PostgresLogEraser implements LogEraser {
  constructor(private readonly database: LogDatabase) {}

  async eraseRecipient({ tenant, recipient }: FeedKey): Promise<LogErasure> {
    return this.erase(tenant, [recipient], await this.bury(tenant, recipient));
  }

  async eraseTenant(tenant: string, onErased?: (feeds: readonly FeedKey[]) => void): Promise<LogErasure> {
    const at = await this.bury(tenant, null);
    let total: LogErasure = { feeds: 0, entries: 0, at, emptiedAt: at };
    for (let after = ''; ;) {
      const found = await this.database.query<{ recipient: string }>(FIND_FEEDS, [
        tenant,
        at,
        after,
        FEEDS_PER_BATCH,
      ]);
      if (found.length === 0) return total;
      const recipients = found.map(({ recipient }) => recipient);
      const { feeds, entries, emptiedAt } = await this.erase(tenant, recipients, at);
      total = { feeds: total.feeds + feeds, entries: total.entries + entries, at, emptiedAt };
      onErased?.(recipients.map((recipient) => ({ tenant, recipient })));
      after = recipients.at(-1)!;
    }
  }

  private async bury(tenant: string, recipient: string | null): Promise<Date> {
    const [row] = await this.database.query<{ at: string }>(BURY, [tenant, recipient]);
    const at = new Date(Number(row!.at));
    for (let deleted = SUBSCRIPTIONS_PER_BATCH; deleted === SUBSCRIPTIONS_PER_BATCH;) {
      const values = [tenant, recipient, at, SUBSCRIPTIONS_PER_BATCH];
      deleted = (await this.database.query(UNSUBSCRIBE, values)).length;
    }
    return at;
  }

  private empty(
    tenant: string,
    recipients: readonly string[],
    at: Date,
  ): Promise<{ readonly emptied: readonly EmptiedFeed[]; readonly emptiedAt: Date }> {
    return this.database.transaction(async (query) => {
      const { rows } = await query<EmptiedFeed>(this.database.text(EMPTY), [tenant, recipients, at]);
      const forgotten = await query<{ at: Date }>(this.database.text(FORGET), [rows.map(({ id }) => id)]);
      return { emptied: rows, emptiedAt: forgotten.rows[0]!.at };
    });
  }

  private async erase(tenant: string, recipients: readonly string[], at: Date): Promise<LogErasure> {
    const { emptied, emptiedAt } = await this.empty(tenant, recipients, at);
    let entries = 0;
    for (const { id, head } of emptied) {
      for (let deleted = ENTRIES_PER_BATCH; deleted === ENTRIES_PER_BATCH;) {
        const [row] = await this.database.query<{ n: number }>(DELETE_ENTRIES, [id, head, ENTRIES_PER_BATCH]);
        deleted = row!.n;
        entries += deleted;
      }
      await this.database.query(DELETE_REST, [id, head, at]);
    }
    // The logs of the tenant's audiences go with it, and are nobody's feed.
    const feeds = emptied.filter(({ recipient }) => !isAudience({ tenant, recipient })).length;
    return { feeds, entries, at, emptiedAt };
  }
}
