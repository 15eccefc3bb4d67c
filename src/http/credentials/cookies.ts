import { InvalidTokenError } from './invalid-token.error.js';

/**
 * The value of a cookie, or `null` (RFC 6265, section 5.4 from the server's side).
 *
 * A browser sends every cookie of that name that its jar has for the URL, and a sibling subdomain can put one there
 * ("cookie tossing"). Which comes first says nothing about whose it is, so two different values are refused.
 *
 * @throws {InvalidTokenError} if the cookie comes more than once, with different values.
 */
export function cookieValue(header: string | undefined, name: string): string | null {
  const values = new Set<string>();
  for (const pair of (header ?? '').split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    const value = pair.slice(equals + 1).trim();
    values.add(value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value);
  }
  if (values.size > 1) {
    throw new InvalidTokenError(`The cookie ${name} came more than once, with different values.`);
  }
  const [value = ''] = values;
  return value === '' ? null : value;
}
