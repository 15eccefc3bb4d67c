/**
 * The function that hashes whom a tombstone is for: a recipient of a tenant, or (where the recipient is null) a whole tenant. What follows
 * the tenant tells the two apart: names are of at least one character.
 */
export function tombstoneHashFunction(schema: string): string {
  return `
CREATE FUNCTION ${schema}.tombstone_hash(tenant text, recipient text)
RETURNS bytea LANGUAGE sql STABLE
AS $$
  SELECT sha256(convert_to(tenant, 'UTF8') || '\\x00'::bytea || convert_to(coalesce(recipient, ''), 'UTF8'))
$$`;
}

/** An expression: when the recipient of this row of `feed`, or its tenant, was erased last; null if never. */
export function erasureOf(schema: string, feed: string): string {
  return `(SELECT max(t.erased_at) FROM ${schema}.tombstone t
            WHERE t.hash IN (${schema}.tombstone_hash(${feed}.tenant, ${feed}.recipient), ${schema}.tombstone_hash(${feed}.tenant, NULL)))`;
}
