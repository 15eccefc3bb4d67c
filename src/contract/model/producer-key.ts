import { createHash } from 'node:crypto';
import { kindOf, nameProblem } from './feed.js';

/**
 * A right that a producer's key can have besides publishing.
 *
 * - `any-sender`: cancel and recall what producers of other names have sent, too.
 * - `audiences`: announce to audiences, and cancel and recall announcements.
 */
export type ProducerScope = 'any-sender' | 'audiences';

export const PRODUCER_SCOPES: readonly ProducerScope[] = ['any-sender', 'audiences'];

/** A producer's API key, as in the options. */
export interface ProducerApiKey {
  /** The secret: at least 16 visible ASCII characters. */
  key: string;
  /**
   * The name of the producer: with it, cancel and recall reach only what keys of the same name sent, and its dedupe keys are its own.
   * Default: none.
   */
  name?: string;
  /** The only tenant that the key publishes into, and cancels and recalls in. Default: every tenant. */
  tenant?: string;
  /** Default: none. */
  scopes?: readonly ProducerScope[];
}

/** The producer that an API key identifies. */
export interface ProducerIdentity {
  /** The same on all instances and after restarts, without revealing the key. For jobs, logs, and as the scope of Idempotency-Keys. */
  readonly id: string;
  /** `null`: none. Two keys of one name are one producer, so that a key can be replaced. */
  readonly name: string | null;
  /** `null`: every tenant. */
  readonly tenant: string | null;
  readonly scopes: ReadonlySet<ProducerScope>;
}

/** Who has sent a job, and into which tenant. */
export interface Sent {
  readonly tenant: string;
  /** The name of the producer; `null` if it has none: an unnamed key, `notify`, or a job put on the queue. */
  readonly sender: string | null;
  /** Whether it is for an audience. */
  readonly toAudience: boolean;
}

/** Whether a producer may cancel or recall this. Code of the application has no identity and may. */
export function reaches(by: ProducerIdentity | null, { tenant, sender, toAudience }: Sent): boolean {
  if (by === null) return true;
  if (by.tenant !== null && by.tenant !== tenant) return false;
  if (toAudience && !by.scopes.has('audiences')) return false;
  return by.name === null || by.name === sender || by.scopes.has('any-sender');
}

/** A producer's API key without its secret. */
export interface ProducerKey extends ProducerIdentity {
  /** The SHA-256 of the secret. */
  readonly hash: Buffer;
}

/** The name of a producer: visible in jobs and logs, and without the separators of the textual form. */
const NAME = /^[a-z][a-z0-9._-]{0,63}$/;

/**
 * Parses a producer's key. The textual form is
 *
 *     producer-key = [ name ":" ] key [ "@" tenant ] *( ";" scope )
 *                  / ":" key                 ; a key as it is, also one that contains ":", "@" or ";"
 *     name         = lowercase letter, then up to 63 of a-z 0-9 . _ -
 *     key          = at least 16 visible ASCII characters other than ":", "@" and ";"
 *     tenant       = percent-encoded where it contains "%", ";", "," or white space
 *
 * @returns The problem if there is one; it never contains the secret.
 */
export function parseProducerKey(given: string | ProducerApiKey): ProducerKey | string {
  const parts = typeof given === 'string' ? partsOf(given) : given;
  const problem = typeof parts === 'string' ? parts : problemOf(parts);
  if (typeof parts === 'string' || problem !== null) return problem as string;
  const { key, name = null, tenant = null, scopes = [] } = parts;
  return { id: keyId('producer', key), hash: sha256(key), name, tenant, scopes: new Set(scopes) };
}

/** The id of an API key: another hash than the one that is compared, because ids are stored with jobs and seen by more people. */
export function keyId(scope: string, key: string): string {
  return sha256(`tidings:${scope}:${key}`).toString('hex').slice(0, 16);
}

export function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The problem of a producer's name, or `null`. */
export function producerNameProblem(name: unknown): string | null {
  if (typeof name !== 'string') return `must be a string, not ${kindOf(name)}`;
  return NAME.test(name) ? null : 'must be a lowercase letter and up to 63 of a-z 0-9 . _ -, such as orders';
}

const VERBATIM = ' (if ":", "@" or ";" are part of the key, put ":" before it)';

function partsOf(text: string): ProducerApiKey | string {
  if (text.startsWith(':')) return { key: text.slice(1) };
  const [, name, key, tenant, scopes] =
    /^(?:([^:@;]*):)?([^:@;]*)(?:@([^;]*))?((?:;[^;]*)*)$/.exec(text) ?? [];
  if (key === undefined) {
    return `must have the form name:key@tenant;scope${VERBATIM}`;
  }
  if (name !== undefined && producerNameProblem(name)) {
    return `must have a name before ":" that is a lowercase letter and up to 63 of a-z 0-9 . _ -${VERBATIM}`;
  }
  const decoded = tenant === undefined ? undefined : percentDecoded(tenant);
  if (decoded === null) return 'must have a percent-encoded tenant after "@", such as acme or caf%C3%A9';
  return {
    key,
    name,
    tenant: decoded,
    // Checked below.
    scopes: scopes ? (scopes.slice(1).split(';') as ProducerScope[]) : [],
  };
}

/**
 * Whether a textual key is rather one secret with separators in it, from the time when an item was a key as it is. Its `name` or `tenant` is
 * then a part of a secret, and whoever sends the whole is refused.
 *
 * @returns What is suspicious, without the secret; `null` for a key that was made for this form.
 */
export function doubtAbout(text: string): string | null {
  const parts = partsOf(text);
  if (typeof parts === 'string' || (parts.name === undefined && parts.tenant === undefined)) return null;
  if (parts.name?.split(/[._-]/).some(isRandom)) return 'what comes before ":" looks like a secret';
  if (parts.tenant !== undefined && /[^\p{L}\p{N} ._:@/~%+-]/u.test(parts.tenant)) {
    return 'what comes after "@" looks like a secret';
  }
  if (parts.key.length >= SHORT) return null;
  const beside = [parts.name === undefined ? [] : 'name', parts.tenant === undefined ? [] : 'tenant'].flat();
  return `beside the ${beside.join(' and the ')} the secret has only ${parts.key.length} characters`;
}

/** A secret of 128 random bits has 21 characters or more. */
const SHORT = 20;

/** Letters and digits in turn: hexadecimal, base 32 and the like, but not `orders2` or `eu-west-1`. */
function isRandom(word: string): boolean {
  return word.length >= 12 && word.split(/(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])/).length > 4;
}

function problemOf({ key, name, tenant, scopes = [] }: ProducerApiKey): string | null {
  if (key.length < 16) {
    const whose = name === undefined ? '' : ' after its name';
    return `must have at least 16 characters${whose}, has ${key.length} (make one: openssl rand -hex 24)`;
  }
  if (!/^[\x21-\x7e]+$/.test(key)) {
    return 'must consist of visible ASCII characters, because it travels in a header';
  }
  const nameIsWrong = name === undefined ? null : producerNameProblem(name);
  if (nameIsWrong) return `has a name that ${nameIsWrong}`;
  const tenantIsWrong = tenant === undefined ? null : nameProblem(tenant);
  if (tenantIsWrong) return `has a tenant that ${tenantIsWrong}`;
  const unknown = scopes.some((scope) => !PRODUCER_SCOPES.includes(scope));
  return unknown ? `has an unknown scope; the known ones: ${PRODUCER_SCOPES.join(', ')}` : null;
}

function percentDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
