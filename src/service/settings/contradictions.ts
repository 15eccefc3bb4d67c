import { isIPv4 } from 'node:net';
import type { InvalidField } from '../../contract/errors.js';

/**
 * Settings that are right each by itself and wrong together. They are checked on the raw texts, so that they are listed
 * beside what is wrong with single variables.
 */
export function contradictions(set: Readonly<Record<string, string>>): InvalidField[] {
  const fields: InvalidField[] = [];
  const production = set['NODE_ENV'] === 'production';
  const api = set['TIDINGS_ROLES'] === undefined || set['TIDINGS_ROLES'].includes('api');
  const secret = set['AUTH_JWT_SECRET'] !== undefined;
  const jwks = set['AUTH_JWKS_URL'] !== undefined;

  if (secret && jwks) {
    fields.push({
      field: 'AUTH_JWKS_URL',
      problem: 'must not be set together with AUTH_JWT_SECRET: tokens are checked in one way. Unset one',
    });
  }
  if (jwks) {
    for (const field of ['AUTH_JWT_ISSUER', 'AUTH_JWT_AUDIENCE'].filter((name) => set[name] === undefined)) {
      fields.push({
        field,
        problem: 'is needed with AUTH_JWKS_URL, or tokens that were made for others would be taken',
      });
    }
  }
  if (!secret && !jwks) {
    for (const field of ['AUTH_JWT_ISSUER', 'AUTH_JWT_AUDIENCE', 'AUTH_COOKIE', 'AUTH_TENANT_CLAIM'].filter(
      (name) => set[name] !== undefined,
    )) {
      fields.push({
        field,
        problem: 'has no meaning without AUTH_JWT_SECRET or AUTH_JWKS_URL. Set one of them, or unset this',
      });
    }
    if (api && production) {
      fields.push({
        field: 'AUTH_JWT_SECRET',
        problem:
          'is missing: in production set it (make one: openssl rand -base64 48), or AUTH_JWKS_URL with AUTH_JWT_ISSUER and AUTH_JWT_AUDIENCE',
      });
    }
    const host = set['HOST'];
    if (api && !production && host !== undefined && !isLoopback(host)) {
      fields.push({
        field: 'HOST',
        problem: `must be 127.0.0.1 with development credentials, is ${JSON.stringify(host)}. Set AUTH_JWT_SECRET or AUTH_JWKS_URL to open the service to others`,
      });
    }
  }
  return fields;
}

/** Whether only this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
