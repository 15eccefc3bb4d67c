import type { z } from 'zod';
import { InvalidSettingsError, type InvalidField } from '../../contract/errors.js';
import { check, quote } from '../../contract/options/fields.js';
import { MOST_DAYS } from '../../contract/options/groups.js';
import { doubtAbout } from '../../contract/model/producer-key.js';
import { optionProblems, type Role, type TidingsOptions } from '../../contract/options/options.js';
import { isLoopback } from '../loopback.js';
import { BOARD_PACKAGES } from '../bull-board.js';
import { missingPackages } from '../packages.js';
import { SERVICE } from './service-schema.js';
import { unreadVariables } from './unread-variables.js';
import { limit, VARIABLES } from './variables.js';

/** The settings of the service. */
export interface Settings extends z.output<typeof SERVICE> {
  readonly production: boolean;
  /** No `AUTH_*` outside production: credentials are created, and only this machine can connect. */
  readonly development: boolean;
  readonly host: string;
  /** The port of metrics and docs: that of everything, one of its own, or `null`: they are off. */
  readonly adminPort: number | null;
  readonly roles: readonly Role[];
  /** The module's options that have a variable. Without `database` the embedded Postgres is used. */
  readonly options: Partial<Omit<TidingsOptions, 'types'>>;
  /** Warnings about likely mistakes, to be logged at start. */
  readonly warnings: readonly string[];
}

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The values of the variables that are set. */
type Variables = Readonly<Record<string, string>>;

/** A dedupe key must outlive its entry. */
const DEDUPE_KEY_DAYS = 90;

/** Stands for values that are only known after the settings are read. */
const STAND_IN = {
  database: { url: 'postgres://localhost' },
  jwt: { secret: 'x'.repeat(32) },
};

/**
 * Reads and validates all settings. An empty variable counts as unset, because `${NAME:-}` in a compose file
 * makes one of an unset variable.
 *
 * @throws {InvalidSettingsError} naming every invalid variable and every contradiction, never the value of a
 * secret.
 */
export function readSettings(env: Environment): Settings {
  const set = Object.fromEntries(Object.entries(env).filter(([, value]) => value)) as Variables;
  const { service = {}, ...values } = valuesOf(set);
  const options = withDedupeKeys(values);
  const { data, problems } = check(SERVICE, service);

  const production = set['NODE_ENV'] === 'production';
  const roles = options.roles ?? ['api', 'worker'];
  const credentials = options.http?.jwt !== undefined;
  const development = roles.includes('api') && !credentials && !production;

  const http = { jwt: STAND_IN.jwt, ...options.http };
  const wrong = [
    ...problems.map(({ field, problem }) => ({ field: `service.${field}`, problem })),
    ...optionProblems({ database: STAND_IN.database, ...options, http, types: [] }),
  ].map((problem) => inVariables(problem, set));
  if (roles.includes('api') && !credentials && production) {
    const problem =
      'is missing: in production set it (make one: openssl rand -base64 48), or AUTH_JWKS_URL with AUTH_JWT_ISSUER and AUTH_JWT_AUDIENCE';
    wrong.push({ field: 'AUTH_JWT_SECRET', problem });
  }
  // What operators read is not for the public, unless they say so.
  const { adminPort = production ? null : (data?.port ?? null) } = data ?? {};
  if (data && data.bullBoard !== 'off') wrong.push(...boardProblems(data.bullBoard, adminPort, options));
  const given = set['HOST'];
  if (development && given !== undefined && !isLoopback(given)) {
    const problem = `must be 127.0.0.1 with development credentials, is ${quote(given)}. Set AUTH_JWT_SECRET or AUTH_JWKS_URL to open the service to others`;
    wrong.push({ field: 'HOST', problem });
  }
  if (data === null || wrong.length > 0) {
    const order = Object.keys(VARIABLES);
    throw new InvalidSettingsError(wrong.sort((a, b) => order.indexOf(a.field) - order.indexOf(b.field)));
  }

  // Without credentials the service is not open to the network unless the operator sets HOST.
  const host = given ?? (production || credentials ? '0.0.0.0' : '127.0.0.1');
  const settings = { ...data, adminPort, production, development, host, roles, options };
  return { ...settings, warnings: warningsOf(settings, set) };
}

/** What Bull Board needs and does not have. */
function boardProblems(
  mode: string,
  adminPort: number | null,
  { http }: Settings['options'],
): InvalidField[] {
  const needs: string[] = [];
  if (adminPort === null)
    needs.push('an admin port: set TIDINGS_ADMIN_PORT, such as TIDINGS_ADMIN_PORT=9090');
  if (!http?.adminApiKeys?.length) {
    needs.push('an admin key: set ADMIN_API_KEYS (make one: openssl rand -base64 32)');
  }
  const missing = missingPackages(BOARD_PACKAGES);
  if (missing.length > 0) needs.push(`packages that are not installed: npm install ${missing.join(' ')}`);
  return needs.map((need) => ({
    field: 'TIDINGS_BULL_BOARD',
    problem: `is ${quote(mode)} and needs ${need}`,
  }));
}

/** The values of the variables, each at the path of its option. */
function valuesOf(set: Variables): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [name, { path, read }] of Object.entries(VARIABLES)) {
    if (set[name] === undefined) continue;
    const groups = path.split('.');
    const option = groups.pop()!;
    const group = groups.reduce((above, one) => (above[one] ??= {}) as Record<string, unknown>, root);
    group[option] = read(set[name]);
  }
  return root;
}

/** Keeps dedupe keys for as long as entries. */
function withDedupeKeys(options: Settings['options']): Settings['options'] {
  const days = options.retention?.days;
  if (typeof days !== 'number') return options;
  const dedupeKeyDays = Math.min(Math.max(DEDUPE_KEY_DAYS, days), MOST_DAYS);
  return { ...options, retention: { ...options.retention, dedupeKeyDays } };
}

/** The problem of an option as that of the variable it came from; the other options in it by their variables, too. */
function inVariables({ field, problem }: InvalidField, set: Variables): InvalidField {
  const variables = Object.entries(VARIABLES);
  const found =
    variables.find(([, { path }]) => field === path || /^[.[]/.test(after(path, field))) ??
    // A group: what is set of it.
    variables.find(([name, { path }]) => name in set && after(field, path).startsWith('.'));
  const [, item] = /\[(\d+)\]$/.exec(field) ?? [];
  let text = item === undefined ? problem : `item ${Number(item) + 1} ${problem}`;
  if (found?.[1].read === limit) text = text.replace('null', '"off"');
  for (const [name, { path }] of variables) if (path.includes('.')) text = text.replaceAll(path, name);
  return { field: found?.[0] ?? field, problem: text };
}

/** The rest of a path after a prefix. */
const after = (beginning: string, path: string): string =>
  path.startsWith(beginning) ? path.slice(beginning.length) : '';

function warningsOf({ production, host, options }: Omit<Settings, 'warnings'>, set: Variables): string[] {
  const warnings = unreadVariables(Object.keys(set), Object.keys(VARIABLES));
  if (options.retention?.days === null && options.retention.maxEntries === null) {
    warnings.push('RETENTION_DAYS and RETENTION_MAX_ENTRIES are both off: feeds grow without end.');
  }
  for (const [index, item] of (options.http?.producerApiKeys ?? []).entries()) {
    const doubt = typeof item === 'string' ? doubtAbout(item) : null;
    if (doubt === null) continue;
    warnings.push(
      `PRODUCER_API_KEYS: item ${index + 1} is read as name:key@tenant, but ${doubt}. If ":" or "@" are part of the key, put ":" before it.`,
    );
  }
  const { secret, issuer, audience } = options.http?.jwt ?? {};
  const open = [issuer ? [] : 'AUTH_JWT_ISSUER', audience ? [] : 'AUTH_JWT_AUDIENCE'].flat();
  if (secret !== undefined && open.length > 0) {
    warnings.push(
      `${open.join(' and ')} ${open.length > 1 ? 'are' : 'is'} not set: a token that was made for another service with AUTH_JWT_SECRET is accepted.`,
    );
  }
  if (!production && options.http?.jwt?.secret !== undefined && !isLoopback(host)) {
    warnings.push('NODE_ENV is not "production" although the service is open to the network.');
  }
  return warnings;
}
