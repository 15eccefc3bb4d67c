import { createHash } from 'node:crypto';
import { InvalidRequestError, NotFoundError } from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import { parsePushSubscription, type PushSubscription } from '../../contract/model/push-subscription.js';
import type { ResolvedPush } from '../../contract/options/options.js';
import type {
  PushState,
  PushSubscriptions,
  PushTarget,
  PushTargets,
  SubscribedBrowser,
} from '../../contract/ports/push.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';

const FAILING_DAYS = 7;

const SHOWN = `id, endpoint, (extract(epoch FROM created_at) * 1000)::bigint AS created`;

/** Parameters: tenant, recipient, maximum. */
const LIST: Statement = (schema) => `
  SELECT ${SHOWN}, p256dh, auth, failing_since IS NOT NULL AS failing FROM ${schema}.push_subscription
   WHERE tenant = $1 AND recipient = $2 ORDER BY confirmed_at DESC, id LIMIT $3`;

/** Parameters: tenants and recipients. Result: a row for each, in order. */
const EXIST: Statement = (schema) => `
  SELECT EXISTS (SELECT FROM ${schema}.push_subscription s WHERE s.tenant = f.tenant AND s.recipient = f.recipient) AS found
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS f (tenant, recipient, ord) ORDER BY f.ord`;

/**
 * Parameters: tenant, recipient, id, endpoint, p256dh, auth, maximum. No result: another recipient has the endpoint, with other
 * keys, which no browser does; so it is somebody who knows the endpoint alone, and must not take it away.
 */
const ADD: Statement = (schema) => `
  WITH kept AS (
    INSERT INTO ${schema}.push_subscription AS s (tenant, recipient, id, endpoint, p256dh, auth) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE
       SET tenant = $1, recipient = $2, p256dh = $5, auth = $6, confirmed_at = now(), failing_since = NULL,
           created_at = CASE WHEN (s.tenant, s.recipient) = ($1, $2) THEN s.created_at ELSE now() END
     WHERE (s.tenant, s.recipient) = ($1, $2) OR (s.p256dh, s.auth) = ($5, $6)
    RETURNING ${SHOWN}
  ), left_out AS (
    DELETE FROM ${schema}.push_subscription WHERE EXISTS (SELECT FROM kept) AND id IN (
      SELECT id FROM ${schema}.push_subscription WHERE tenant = $1 AND recipient = $2 AND id <> $3
       ORDER BY confirmed_at DESC, id OFFSET $7::integer - 1 FOR UPDATE SKIP LOCKED)
  )
  SELECT * FROM kept`;

/** Parameters: tenant, recipient, id. */
const REMOVE: Statement = (schema) =>
  `DELETE FROM ${schema}.push_subscription WHERE tenant = $1 AND recipient = $2 AND id = $3`;

/** Parameter: id. */
const GONE: Statement = (schema) => `DELETE FROM ${schema}.push_subscription WHERE id = $1`;

/** Parameter: id. */
const DELIVERED: Statement = (schema) =>
  `UPDATE ${schema}.push_subscription SET failing_since = NULL WHERE id = $1`;

/** Parameter: id. */
const FAILED: Statement = (schema) => `
  WITH given_up AS (
    DELETE FROM ${schema}.push_subscription WHERE id = $1 AND failing_since < now() - interval '${FAILING_DAYS} days'
  )
  UPDATE ${schema}.push_subscription SET failing_since = now() WHERE id = $1 AND failing_since IS NULL`;

interface Row extends Record<string, unknown> {
  id: Buffer;
  endpoint: string;
  created: string;
}

interface TargetRow extends Row {
  p256dh: string;
  auth: string;
  failing: boolean;
}

/** Stores the browsers that get Web Push. */
export class PostgresPushSubscriptions implements PushSubscriptions, PushTargets {
  constructor(
    private readonly database: LogDatabase,
    private readonly push: ResolvedPush | null,
  ) {}

  async state(feed: FeedKey): Promise<PushState> {
    const { publicKey } = this.options();
    return { publicKey, subscriptions: (await this.list(feed)).map(shown) };
  }

  async add({ tenant, recipient }: FeedKey, given: PushSubscription): Promise<SubscribedBrowser> {
    const options = this.options();
    const { endpoint, keys } = parsePushSubscription(given, options);
    const id = createHash('sha256').update(endpoint).digest();
    const [row] = await this.database.query<Row>(ADD, [
      ...[tenant, recipient, id, endpoint],
      ...[keys.p256dh, keys.auth, options.maxPerRecipient],
    ]);
    if (row) return shown(row);
    throw new InvalidRequestError([{ field: 'keys', problem: 'do not belong to this endpoint' }]);
  }

  async remove(feed: FeedKey, id: string): Promise<PushState> {
    this.options();
    if (/^[\w-]{43}$/.test(id))
      await this.database.query(REMOVE, [feed.tenant, feed.recipient, Buffer.from(id, 'base64url')]);
    return this.state(feed);
  }

  async exist(feeds: readonly FeedKey[]): Promise<readonly boolean[]> {
    const values = [feeds.map(({ tenant }) => tenant), feeds.map(({ recipient }) => recipient)];
    return (await this.database.query<{ found: boolean }>(EXIST, values)).map(({ found }) => found);
  }

  async of(feed: FeedKey): Promise<readonly PushTarget[]> {
    return (await this.list(feed)).map(({ id, endpoint, p256dh, auth, failing }) => ({
      id: id.toString('base64url'),
      endpoint,
      keys: { p256dh, auth },
      failing,
    }));
  }

  async delivered({ id, failing }: PushTarget): Promise<void> {
    if (failing) await this.change(DELIVERED, id);
  }

  failed({ id }: PushTarget): Promise<void> {
    return this.change(FAILED, id);
  }

  gone({ id }: PushTarget): Promise<void> {
    return this.change(GONE, id);
  }

  private async change(statement: Statement, id: string): Promise<void> {
    await this.database.query(statement, [Buffer.from(id, 'base64url')]);
  }

  private list({ tenant, recipient }: FeedKey): Promise<TargetRow[]> {
    return this.database.query<TargetRow>(LIST, [tenant, recipient, this.options().maxPerRecipient]);
  }

  private options(): ResolvedPush {
    if (this.push) return this.push;
    throw new NotFoundError([{ field: 'push', problem: 'is off: set the option push (TIDINGS_PUSH_*)' }]);
  }
}

function shown({ id, endpoint, created }: Row): SubscribedBrowser {
  return {
    id: id.toString('base64url'),
    host: new URL(endpoint).host,
    createdAt: new Date(Number(created)).toISOString(),
  };
}
