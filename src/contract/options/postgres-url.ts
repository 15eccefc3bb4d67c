import { maskPassword, quote } from './fields.js';

/** The target of a connection string; `''` means pg's default. */
export interface PostgresPlace {
  readonly host: string;
  readonly port: string;
  readonly database: string;
}

const EXAMPLE = 'such as postgres://user:password@localhost:5432/app';

/**
 * Reads a connection string as pg does, in each form that it takes:
 *
 *     postgres://user:password@host:5432/database?sslmode=verify-full   postgresql:// too
 *     postgres://user@/database?host=/var/run/postgresql                a socket directory
 *     postgres://user@%2Fvar%2Frun%2Fpostgresql/database                the same
 *     socket:/var/run/postgresql?db=database                            the same
 *     /var/run/postgresql database                                      the same
 *
 * `null` if it is none of these.
 */
export function readPostgresUrl(text: string): PostgresPlace | null {
  if (text.startsWith('/')) {
    const [host = '', database = ''] = text.split(' ');
    return { host, port: '', database };
  }
  // A percent sign that is not an encoding stands for itself.
  const encoded = text.replace(/%(?![0-9a-f]{2})/gi, '%25');
  // Has a user but no host, so it is not a URL.
  const hostless = !URL.canParse(encoded);
  const whole = hostless ? encoded.replace('@/', '@host/') : encoded;
  if (!URL.canParse(whole)) return null;
  const url = new URL(whole);
  const hostname = hostless ? '' : url.hostname;
  const given = (name: string): string => url.searchParams.get(name) ?? '';
  try {
    // pg decodes them when it connects.
    for (const part of [url.username, url.password]) decodeURIComponent(part);
    if (url.protocol === 'socket:') {
      return { host: decodeURI(url.pathname), port: given('port'), database: given('db') };
    }
    return {
      host: given('host') || decodeURIComponent(hostname).replace(/^\[(.*)\]$/, '$1'),
      port: given('port') || url.port,
      database: decodeURI(url.pathname.slice(1)),
    };
  } catch {
    return null;
  }
}

/** The problem of a connection string, or `null`; never contains a password. */
export function postgresUrlProblem(text: string): string | null {
  const is = `; is ${quote(maskPassword(text))}`;
  if (!/^(postgres(ql)?:\/\/|socket:\/|\/)/i.test(text)) {
    return `must begin with postgres:// or postgresql://, ${EXAMPLE}${is}`;
  }
  if (text.startsWith('/')) return null;
  if (text.includes('#')) return `has a "#", which ends the address: write it as %23${is}`;

  const [authority = ''] = text.replace(/^[a-z]+:\/*/i, '').split(/[/?]/);
  const hosts = authority.slice(authority.lastIndexOf('@') + 1);
  const place = readPostgresUrl(text);
  if (hosts.includes(',') || place?.host.includes(',')) {
    return `names several hosts, and pg connects to one: give a name or a proxy that leads to the primary${is}`;
  }
  if (!place) {
    const reason = /^[^@]*[/?].*@/.test(text.replace(/^[a-z]+:\/*/i, ''))
      ? 'percent-encode special characters of the user and the password (/ as %2F, ? as %3F)'
      : 'the host, the port or the percent-encoding is not valid';
    return `cannot be parsed: ${reason}, ${EXAMPLE}${is}`;
  }
  if (place.port !== '' && !(/^\d{1,5}$/.test(place.port) && +place.port >= 1 && +place.port <= 65_535)) {
    return `has a port that is no number from 1 to 65535${is}`;
  }
  return null;
}
