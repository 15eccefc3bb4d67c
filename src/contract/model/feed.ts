/**
 * A feed is the append-only log of one recipient within one tenant. This pair is the key of everything in
 * Tidings; it always comes from a verified credential or
 * from a job, never from a URL (G8).
 */
export interface FeedKey {
  /** The tenant; `''` if there is only one. */
  readonly tenant: string;
  /** The recipient: 1 to 256 characters, see {@link nameProblem}. */
  readonly recipient: string;
}

/** The maximum length of a recipient, tenant, type or key, in UTF-16 code units. */
export const MAX_NAME_LENGTH = 256;

// C0, DEL and C1.
// oxlint-disable-next-line no-control-regex -- finding them is the purpose
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * The problem of a name (recipient, tenant, dedupe key, collapse key), or `null`.
 *
 * Lone surrogates are rejected because Postgres stores U+FFFD for each of them, so two users would share a
 * feed. Control characters are rejected because names end up in logs and headers.
 */
export function nameProblem(value: unknown): string | null {
  if (typeof value !== 'string') return `must be a string, not ${kindOf(value)}`;
  if (value.length === 0) return 'must not be empty';
  if (value.length > MAX_NAME_LENGTH)
    return `must have at most ${MAX_NAME_LENGTH} characters, has ${value.length}`;
  if (CONTROL_CHARACTERS.test(value)) return 'must not contain control characters';
  if (!value.isWellFormed()) return 'must be well-formed Unicode (it has a lone surrogate)';
  return null;
}

/** The problem of a tenant, or `null`. Unlike other names it may be empty. */
export function tenantProblem(value: unknown): string | null {
  return value === '' ? null : nameProblem(value);
}

/** A feed as one string, for use as a Map key; unambiguous because names cannot contain NUL. */
export function feedKeyString(feed: FeedKey): string {
  return `${feed.tenant}\u0000${feed.recipient}`;
}

/** The kind of a value that should be a string: `missing`, `null`, `a number`. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value === undefined) return 'missing';
  return `${typeof value === 'object' ? 'an' : 'a'} ${typeof value}`;
}
