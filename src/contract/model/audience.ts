import { nameProblem, type FeedKey } from './feed.js';

/** The audience of all recipients of a tenant. */
export const EVERYBODY = 'all';

/** The maximum number of audiences in a credential. */
export const MAX_AUDIENCES = 100;

/** A target of a notification: everybody whose credential names this audience. */
export interface AudienceTarget {
  /** `all`, or a name that credentials carry: 1 to 256 characters. */
  readonly audience: string;
}

/**
 * The recipient's place in the key of an audience's log begins with this. No recipient's name contains control
 * characters, so no credential and no job can name an audience's log as a feed (G8).
 */
const MARK = '\u0001';

/** The log of an audience: a feed that nobody reads, since its entries are taken into the feeds of its members. */
export function audienceFeed(tenant: string, name: string): FeedKey {
  return { tenant, recipient: MARK + name };
}

/** Whether this is the log of an audience. */
export function isAudience({ recipient }: FeedKey): boolean {
  return recipient.startsWith(MARK);
}

/** The `to` of a feed: the recipient, or the audience. */
export function targetOf(feed: FeedKey): string | AudienceTarget {
  return isAudience(feed) ? { audience: feed.recipient.slice(MARK.length) } : feed.recipient;
}

/** The audiences of a recipient, each once: everybody is in {@link EVERYBODY}. */
export function audiencesOf(names: readonly string[]): readonly string[] {
  return names.length === 0 ? ONLY_EVERYBODY : [...new Set([EVERYBODY, ...names])];
}

const ONLY_EVERYBODY: readonly string[] = [EVERYBODY];

/** The problem of the audiences in a credential, or `null`. */
export function audiencesProblem(names: unknown): string | null {
  if (!Array.isArray(names)) return 'must be a list of names';
  if (names.length > MAX_AUDIENCES)
    return `must name at most ${MAX_AUDIENCES} audiences, names ${names.length}`;
  for (const [index, name] of (names as unknown[]).entries()) {
    const problem = nameProblem(name);
    if (problem) return `[${index}] ${problem}`;
  }
  return null;
}
