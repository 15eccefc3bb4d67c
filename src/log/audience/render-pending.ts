import type { AudienceRenderer, RenderedText } from '../../contract/ports/audience.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';

/** Entries rendered in other languages than the one in which they were published, as the columns of a parameter. */
export interface RenderedEntries {
  /** The ids of the audiences. */
  readonly audiences: readonly string[];
  readonly seqs: readonly string[];
  readonly locales: readonly string[];
  readonly titles: readonly string[];
  readonly bodies: readonly (string | null)[];
  readonly links: readonly (string | null)[];
  readonly contents: readonly (string | null)[];
}

export const NOT_RENDERED: RenderedEntries = {
  audiences: [],
  seqs: [],
  locales: [],
  titles: [],
  bodies: [],
  links: [],
  contents: [],
};

/**
 * Parameters: tenants, recipients, audiences as texts of arrays, maximum entries of each audience. Result: the
 * entries, oldest first, that one of these feeds has not taken yet. What comes later is not rendered, and the take
 * stops before it.
 */
const PENDING: Statement = (schema) => `
  SELECT e.feed_id AS audience, e.seq, e.type, e.version, e.data::text AS data, e.title, e.body, e.link,
         e.content::text AS "contentJson"
    FROM (
      SELECT a.id, min(${schema}.taken_up_to(a.id, m.name, a.head, a.floor, a.created_at, f.created_at,
                                       f.audiences, f.taken)) AS taken
        FROM unnest($1::text[], $2::text[], $3::text[]) AS i (tenant, recipient, audiences)
        JOIN ${schema}.feed f ON f.tenant = i.tenant AND f.recipient = i.recipient
        CROSS JOIN LATERAL unnest(i.audiences::text[]) AS m (name)
        JOIN ${schema}.feed a ON a.tenant = f.tenant AND a.recipient = chr(1) || m.name
       GROUP BY a.id
    ) p
    CROSS JOIN LATERAL (
      SELECT * FROM ${schema}.entry x WHERE x.feed_id = p.id AND x.seq > p.taken ORDER BY x.seq LIMIT $4
    ) e
   WHERE e.id IS NOT NULL AND NOT e.hidden`;

interface PendingRow extends RenderedText, Record<string, unknown> {
  audience: string;
  seq: string;
  type: string;
  version: number;
  data: string;
}

/** Renders what these feeds have not taken yet, once for each of their languages. */
export async function renderPending(
  database: LogDatabase,
  renderer: AudienceRenderer,
  feeds: {
    readonly names: readonly (readonly string[])[];
    readonly memberships: readonly string[];
    /** `null`: as published. */
    readonly locales: readonly (string | null)[];
    readonly most: number;
  },
): Promise<RenderedEntries> {
  const rows = await database.query<PendingRow>(PENDING, [...feeds.names, feeds.memberships, feeds.most]);
  const locales = [...new Set(feeds.locales)].filter((locale) => locale !== null);
  const texts = await Promise.all(
    rows.flatMap((row) =>
      locales.map(async (locale) => {
        const { type, version, data: dataJson } = row;
        const { title, body, link, contentJson } =
          (await renderer.render({ type, version, dataJson }, locale)) ?? row;
        return { row, locale, title, body, link, contentJson };
      }),
    ),
  );
  return {
    audiences: texts.map(({ row }) => row.audience),
    seqs: texts.map(({ row }) => row.seq),
    locales: texts.map(({ locale }) => locale),
    titles: texts.map(({ title }) => title),
    bodies: texts.map(({ body }) => body),
    links: texts.map(({ link }) => link),
    contents: texts.map(({ contentJson }) => contentJson),
  };
}
