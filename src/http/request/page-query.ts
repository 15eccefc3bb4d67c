import { parseCursor } from '../../contract/model/cursor.js';
import { InvalidRequestError, type InvalidField } from '../../contract/errors.js';
import { tenantProblem } from '../../contract/model/feed.js';
import { shortNameProblem } from '../../contract/model/content.js';
import { typeNameProblem } from '../../contract/model/notification-type.js';
import { MAX_PAGE_ITEMS, type PageRequest } from '../../contract/ports/inbox.js';
import { queryOf, type HttpRequest } from './http-request.js';

const DEFAULT_LIMIT = 25;

/** The check of each parameter: the problem of its value, or `null`. */
const PROBLEMS: Readonly<Record<string, (text: string) => string | null>> = {
  limit: (text) =>
    /^[1-9][0-9]{0,2}$/.test(text) && Number(text) <= MAX_PAGE_ITEMS
      ? null
      : `must be a whole number from 1 to ${MAX_PAGE_ITEMS}, is ${quote(text)}`,
  before: (text) => (parseCursor(text) ? null : `must be the "next" of a page, is ${quote(text)}`),
  unread: flagProblem,
  archived: flagProblem,
  type: typeNameProblem,
  category: shortNameProblem,
};

/** Of recipients. */
const INBOX_PROBLEMS = { ...PROBLEMS, snoozed: flagProblem };

/**
 * Reads `?limit&before&unread&archived&type&category&snoozed`. A parameter that is misspelt or repeated is refused and not ignored: a request for
 * unread notifications must not return all of them.
 *
 * @throws {InvalidRequestError} naming each wrong parameter.
 */
export function readPageQuery(request: HttpRequest): PageRequest {
  const query = queryOf(request);
  refuseWrong(query, INBOX_PROBLEMS);
  return pageRequest(query);
}

/** As {@link readPageQuery}, with `&tenant`, which defaults to `''`. @throws {InvalidRequestError} naming each wrong parameter. */
export function readSupportQuery(request: HttpRequest): { tenant: string; page: PageRequest } {
  const query = queryOf(request);
  refuseWrong(query, { ...PROBLEMS, tenant: tenantProblem });
  return { tenant: query.get('tenant') ?? '', page: pageRequest(query) };
}

/** Reads `?tenant`, the only parameter; `null` if it is missing. @throws {InvalidRequestError} naming each wrong parameter. */
export function readTenant(request: HttpRequest): string | null {
  const query = queryOf(request);
  refuseWrong(query, { tenant: tenantProblem });
  return query.get('tenant');
}

function pageRequest(query: URLSearchParams): PageRequest {
  const flag = (name: string): boolean | null => (query.has(name) ? query.get(name) === 'true' : null);
  return {
    limit: Number(query.get('limit') ?? DEFAULT_LIMIT),
    before: parseCursor(query.get('before') ?? ''),
    unread: flag('unread'),
    archived: flag('archived') ?? false,
    type: query.get('type'),
    category: query.get('category'),
    snoozed: flag('snoozed') ?? false,
  };
}

/** Reads `?by=category`, the only parameter. @throws {InvalidRequestError} naming each wrong parameter. */
export function readCountQuery(request: HttpRequest): 'category' | null {
  const query = queryOf(request);
  refuseWrong(query, { by: (text) => (text === 'category' ? null : `must be category, is ${quote(text)}`) });
  return query.has('by') ? 'category' : null;
}

/** For a route without parameters. @throws {InvalidRequestError} naming each parameter. */
export function refuseQuery(request: HttpRequest): void {
  refuseWrong(queryOf(request), {});
}

function refuseWrong(query: URLSearchParams, problems: typeof PROBLEMS): void {
  const values = new Map<string, string[]>();
  // In one pass: getAll() for each of the thousands of names that fit into a URL would look at all of them again.
  for (const [name, value] of query) {
    const others = values.get(name);
    if (others) others.push(value);
    else values.set(name, [value]);
  }
  const fields: InvalidField[] = [];
  for (const [field, [value, ...others]] of values) {
    const problem = !Object.hasOwn(problems, field)
      ? `is not a parameter of this route; ${namesOf(problems)}`
      : others.length > 0
        ? 'must be given once'
        : problems[field]!(value!);
    if (problem !== null) fields.push({ field, problem });
  }
  if (fields.length > 0) throw new InvalidRequestError(fields);
}

function namesOf(problems: typeof PROBLEMS): string {
  const names = Object.keys(problems);
  return names.length > 0 ? `known: ${names.join(', ')}` : 'there are none';
}

function flagProblem(text: string): string | null {
  return text === 'true' || text === 'false' ? null : `must be true or false, is ${quote(text)}`;
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
