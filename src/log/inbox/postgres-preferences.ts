import { InvalidRequestError, type InvalidField } from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { AnyNotificationType } from '../../contract/model/notification-type.js';
import type { Preferences, RecipientPreferences } from '../../contract/ports/preferences.js';
import type { Sql } from '../../contract/ports/sql.js';

/** Stores preferences in the feed's row, which an append reads under the lock anyway. */
export class PostgresPreferences implements Preferences {
  private readonly types: ReadonlyMap<string, AnyNotificationType>;

  constructor(
    private readonly sql: Sql,
    types: readonly AnyNotificationType[],
  ) {
    this.types = new Map(types.map((type) => [type.name, type]));
  }

  async get({ tenant, recipient }: FeedKey): Promise<RecipientPreferences> {
    const [row] = await this.sql.query<RecipientPreferences>(
      `SELECT muted FROM ${this.sql.schema}.feed WHERE tenant = $1 AND recipient = $2`,
      [tenant, recipient],
    );
    return { muted: row?.muted ?? [] };
  }

  async put({ tenant, recipient }: FeedKey, { muted }: RecipientPreferences): Promise<RecipientPreferences> {
    const fields = muted.flatMap((type, index) => this.problemOf(type, `muted[${index}]`));
    if (fields.length > 0) throw new InvalidRequestError(fields);
    const sorted = [...new Set(muted)].sort();
    // Creates the feed if needed: a recipient may mute types before the first notification.
    await this.sql.query(
      `INSERT INTO ${this.sql.schema}.feed AS f (tenant, recipient, muted) VALUES ($1, $2, $3)
       ON CONFLICT (tenant, recipient) DO UPDATE SET muted = excluded.muted, touched_at = now() WHERE f.muted <> excluded.muted`,
      [tenant, recipient, sorted],
    );
    return { muted: sorted };
  }

  private problemOf(name: string, field: string): InvalidField[] {
    const type = this.types.get(name);
    if (!type) {
      const declared = [...this.types.keys()].join(', ');
      return [{ field, problem: `is not declared: ${JSON.stringify(name)}; declared are ${declared}` }];
    }
    return type.mandatory ? [{ field, problem: `cannot be muted: ${name} is mandatory` }] : [];
  }
}
