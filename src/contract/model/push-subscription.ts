import { ECDH } from 'node:crypto';
import { isIP } from 'node:net';
import { InvalidRequestError, type InvalidField } from '../errors.js';
import { tooManyNames, unknownNames } from '../unknown-keys.js';
import { kindOf } from './feed.js';
import { isLoopbackAddress, isPublicAddress } from './public-address.js';

/** The JSON of a browser's `PushSubscription`. */
export interface PushSubscription {
  /** The secret URL at the browser's push service. */
  readonly endpoint: string;
  /** The browser's public key and its secret, base64url. */
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

/** Where subscriptions may lead. */
export interface PushDestinations {
  /** Host names, or `*.` and a domain; `null`: any host. */
  readonly allowedHosts: readonly string[] | null;
  /** Also http(s) to 127.0.0.1 or [::1], for tests. */
  readonly allowLoopback: boolean;
}

const MAX_ENDPOINT_LENGTH = 2_048;
const FIELDS = ['endpoint', 'keys', 'expirationTime'];
const KEY_FIELDS = ['p256dh', 'auth'];
const BASE64URL = /^[\w-]+$/;

/** The IP address in the host of a URL, or `null` if it has a name. */
export function addressIn({ hostname }: URL): string | null {
  const address = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(address) === 0 ? null : address;
}

/**
 * The problem of an endpoint, or `null`. It is a URL of a stranger that this process connects to, so it must not lead into
 * the network that the process is in. A name is looked at again when it is resolved.
 */
export function endpointProblem(
  endpoint: unknown,
  { allowedHosts, allowLoopback }: PushDestinations,
): string | null {
  if (typeof endpoint !== 'string') return `must be a string, is ${kindOf(endpoint)}`;
  // Never quoted: whoever knows it and the keys can send.
  if (endpoint.length > MAX_ENDPOINT_LENGTH) return `must have at most ${MAX_ENDPOINT_LENGTH} characters`;
  if (!URL.canParse(endpoint)) return 'must be an https URL';
  const url = new URL(endpoint);
  if (url.hash !== '' || url.username !== '' || url.password !== '')
    return 'must have no user name, password or fragment';
  const address = addressIn(url);
  if (allowLoopback && address !== null && isLoopbackAddress(address) && /^https?:$/.test(url.protocol))
    return null;
  if (url.protocol !== 'https:') return 'must be an https URL';
  if (address !== null && !isPublicAddress(address)) return 'must not lead to a private address';
  if (allowedHosts === null || allowedHosts.some((pattern) => fits(url.hostname, pattern))) return null;
  return `must be at a push service that is allowed: ${allowedHosts.join(', ')}`;
}

function fits(host: string, pattern: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;
}

/** Checks the JSON of a subscription. @throws {InvalidRequestError} naming each invalid field. */
export function parsePushSubscription(input: unknown, destinations: PushDestinations): PushSubscription {
  if (!isObject(input))
    throw new InvalidRequestError([
      { field: 'subscription', problem: `must be an object, is ${kindOf(input)}` },
    ]);
  const tooMany = tooManyNames(input, FIELDS);
  if (tooMany.length > 0) throw new InvalidRequestError(tooMany);
  const { endpoint, keys } = input;
  const fields: InvalidField[] = unknown(input, FIELDS);
  const wrongEndpoint = endpointProblem(endpoint, destinations);
  if (wrongEndpoint) fields.push({ field: 'endpoint', problem: wrongEndpoint });
  if (isObject(keys)) {
    fields.push(...unknown(keys, KEY_FIELDS, 'keys'));
    if (!isPublicKey(keys['p256dh']))
      fields.push({ field: 'keys.p256dh', problem: 'must be a public key on P-256 (65 bytes, base64url)' });
    if (bytesOf(keys['auth'])?.length !== 16)
      fields.push({ field: 'keys.auth', problem: 'must be 16 bytes, base64url' });
  } else fields.push({ field: 'keys', problem: `must be an object, is ${kindOf(keys)}` });
  if (fields.length > 0) throw new InvalidRequestError(fields);
  const { p256dh, auth } = keys as PushSubscription['keys'];
  return { endpoint: new URL(endpoint as string).href, keys: { p256dh, auth } };
}

/** Whether a text is an uncompressed point on P-256, base64url. */
export function isPublicKey(text: unknown): boolean {
  const bytes = bytesOf(text);
  if (bytes?.length !== 65 || bytes[0] !== 4) return false;
  try {
    return ECDH.convertKey(bytes, 'prime256v1').length > 0;
  } catch {
    // Not on the curve.
    return false;
  }
}

function bytesOf(text: unknown): Buffer | null {
  return typeof text === 'string' && text.length < 100 && BASE64URL.test(text)
    ? Buffer.from(text, 'base64url')
    : null;
}

function unknown(input: object, known: readonly string[], at = ''): InvalidField[] {
  const names = Object.keys(input).filter((name) => !known.includes(name));
  return unknownNames(names, known, { what: 'field', at });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
