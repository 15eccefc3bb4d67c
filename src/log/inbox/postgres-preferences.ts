import { InvalidRequestError, type InvalidField } from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { AnyNotificationType } from '../../contract/model/notification-type.js';
import type {
  Preferences,
  PreferencesUpdate,
  RecipientPreferences,
  TypeDescription,
} from '../../contract/ports/preferences.js';
import type { Sql } from '../../contract/ports/sql.js';
import { shortNameProblem } from '../../contract/model/content.js';
import { describeType } from '../../contract/model/notification-type.js';
import { CATEGORY_MARK } from '../migrations/muted.js';

/** More categories than people can tell apart. */
const MOST_CATEGORIES = 100;

/**
 * Stores preferences in the feed's row, which an append reads under the lock anyway: one list of names, where those of
 * categories have a mark.
 */
export class PostgresPreferences implements Preferences {
  private readonly declared: ReadonlyMap<string, AnyNotificationType>;

  constructor(
    private readonly sql: Sql,
    types: readonly AnyNotificationType[],
    private readonly localeOf: (feed: FeedKey) => Promise<string> = () => Promise.resolve('en'),
  ) {
    this.declared = new Map(types.map((type) => [type.name, type]));
  }

  async get({ tenant, recipient }: FeedKey): Promise<RecipientPreferences> {
    const [row] = await this.sql.query<Row>(
      `SELECT muted FROM ${this.sql.schema}.feed WHERE tenant = $1 AND recipient = $2`,
      [tenant, recipient],
    );
    return preferencesOf(row?.muted ?? []);
  }

  async put(feed: FeedKey, { muted, mutedCategories }: PreferencesUpdate): Promise<RecipientPreferences> {
    const fields = [
      ...muted.flatMap((type, index) => this.problemOf(type, `muted[${index}]`)),
      ...categoryProblems(mutedCategories ?? []),
    ];
    if (fields.length > 0) throw new InvalidRequestError(fields);
    const categories = mutedCategories?.map((name) => CATEGORY_MARK + name) ?? null;
    const { schema } = this.sql;
    const next = `$3::text[] || coalesce($4::text[], ARRAY(SELECT m FROM unnest(f.muted) AS m WHERE starts_with(m, '${CATEGORY_MARK}')))`;
    // Creates the feed if needed: a recipient may mute types before the first notification.
    const [row] = await this.sql.query<Row>(
      `WITH changed AS (
         INSERT INTO ${schema}.feed AS f (tenant, recipient, muted) VALUES ($1, $2, $3::text[] || coalesce($4::text[], '{}'))
         ON CONFLICT (tenant, recipient) DO UPDATE SET muted = ${next}, touched_at = greatest(now(), f.touched_at) WHERE f.muted <> ${next}
         RETURNING muted
       )
       SELECT muted FROM changed UNION ALL SELECT muted FROM ${schema}.feed WHERE tenant = $1 AND recipient = $2 LIMIT 1`,
      [feed.tenant, feed.recipient, sorted(muted), categories && sorted(categories)],
    );
    return preferencesOf(row!.muted);
  }

  async types(feed: FeedKey): Promise<readonly TypeDescription[]> {
    const locale = await this.localeOf(feed);
    return [...this.declared.values()].map((type) => describeType(type, { locale }));
  }

  private problemOf(name: string, field: string): InvalidField[] {
    const type = this.declared.get(name);
    if (!type) {
      const declared = [...this.declared.keys()].join(', ');
      return [{ field, problem: `is not declared: ${JSON.stringify(name)}; declared are ${declared}` }];
    }
    return type.mandatory ? [{ field, problem: `cannot be muted: ${name} is mandatory` }] : [];
  }
}

interface Row {
  readonly muted: readonly string[];
}

const sorted = (names: readonly string[]): string[] => [...new Set(names)].sort();

function preferencesOf(names: readonly string[]): RecipientPreferences {
  const isCategory = (name: string): boolean => name.startsWith(CATEGORY_MARK);
  return {
    muted: names.filter((name) => !isCategory(name)),
    mutedCategories: names.filter(isCategory).map((name) => name.slice(CATEGORY_MARK.length)),
  };
}

function categoryProblems(names: readonly string[]): InvalidField[] {
  if (names.length > MOST_CATEGORIES) {
    const problem = `must have at most ${MOST_CATEGORIES} categories, has ${names.length}`;
    return [{ field: 'mutedCategories', problem }];
  }
  return names.flatMap((name, index) => {
    const problem = shortNameProblem(name);
    return problem ? [{ field: `mutedCategories[${index}]`, problem }] : [];
  });
}
