/**
 * The function that hashes the target of a tombstone: a recipient of a tenant, or (if the recipient is null)
 * a whole tenant. The suffix after the tenant keeps
 * the two apart: names have at least one character.
 */
export function tombstoneHashFunction(schema: string): string {
  return `
CREATE FUNCTION ${schema}.tombstone_hash(tenant text, recipient text)
RETURNS bytea LANGUAGE sql STABLE
AS $$
  SELECT sha256(convert_to(tenant, 'UTF8') || '\\x00'::bytea || convert_to(coalesce(recipient, ''), 'UTF8'))
$$`;
}

/**
 * An expression for the time at which the recipient of this row of `feed`, or its tenant, was last erased;
 * null if never.
 */
export function erasureOf(schema: string, feed: string): string {
  return `(SELECT max(t.erased_at) FROM ${schema}.tombstone t
            WHERE t.hash IN (${schema}.tombstone_hash(${feed}.tenant, ${feed}.recipient), ${schema}.tombstone_hash(${feed}.tenant, NULL)))`;
}
