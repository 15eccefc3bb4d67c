import { InvalidRequestError, type InvalidField } from '../errors.js';
import { parseCursor, type Cursor } from './cursor.js';
import { tooManyNames } from '../unknown-keys.js';
import { kindOf } from './feed.js';
import { timestamp } from './timestamp.js';

/** The maximum number of ids in one change. */
export const MAX_CHANGED_IDS = 10_000;

/**
 * A recipient's action on notifications. `seen`: the bell was opened, so the badge resets while they stay
 * unread. `remove`: deletes them on every page and device.
 */
export type StateChange = 'read' | 'unread' | 'seen' | 'archive' | 'unarchive' | 'remove';

/** Some notifications, 1 to {@link MAX_CHANGED_IDS}; or all up to a cursor, so that later ones stay unchanged. */
export type Selection = { readonly ids: readonly string[] } | { readonly upTo: string };

/** A valid selection: unique ids in lower case, or a cursor. */
export type ParsedSelection = { readonly ids: readonly string[] } | { readonly upTo: Cursor };

/** The fields that each change accepts. */
const FIELDS: Readonly<Record<StateChange, readonly string[]>> = {
  read: ['ids', 'upTo'],
  archive: ['ids', 'upTo'],
  seen: ['upTo'],
  unread: ['ids'],
  unarchive: ['ids'],
  remove: ['ids'],
};

// RFC 9562, section 4: written in lower case, read in either.
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Parses a selection from outside, whatever its static type. Unknown and ambiguous fields are rejected,
 * because a misunderstanding must not change more, or fewer,
 * notifications than intended.
 *
 * @throws {InvalidRequestError} naming each invalid field.
 */
export function parseSelection(change: StateChange, selection: Selection): ParsedSelection {
  const { ids, upTo } = selection as { readonly ids?: unknown; readonly upTo?: unknown };
  const known = FIELDS[change];
  const tooMany = tooManyNames(selection, known);
  if (tooMany.length > 0) throw new InvalidRequestError(tooMany);
  const fields: InvalidField[] = Object.keys(selection)
    .filter((field) => !known.includes(field))
    .map((field) => ({ field, problem: `is not a known field; use ${known.join(' or ')}` }));
  const given = known.filter((field) => Object.hasOwn(selection, field));
  if (given.length === 0) fields.push({ field: known.join(' or '), problem: 'must be given' });
  if (given.length > 1) fields.push({ field: 'upTo', problem: 'must not be given beside ids' });
  if (given.includes('ids')) fields.push(...idProblems(ids));
  const cursor = typeof upTo === 'string' ? parseCursor(upTo) : null;
  if (given.includes('upTo') && cursor === null) {
    fields.push({ field: 'upTo', problem: `must be a cursor, such as that of a page, is ${shown(upTo)}` });
  }
  if (fields.length > 0) throw new InvalidRequestError(fields);
  return cursor ? { upTo: cursor } : { ids: uniqueIds(ids as string[]) };
}

/** A call of `snooze` from outside. */
export interface SnoozeRequest {
  /** At least one. */
  readonly ids: readonly string[];
  /** When they come back, at most a year from now; a string is ISO 8601 with a zone. */
  readonly until: Date | string;
}

/**
 * Parses a call of `snooze` or `unsnooze` from outside, whatever its static type.
 *
 * @throws {InvalidRequestError} naming each invalid field.
 */
export function parseSnooze(
  request: object,
  known: readonly string[],
): { ids: string[]; until: Date | null } {
  const { ids, until } = request as { readonly ids?: unknown; readonly until?: unknown };
  const tooMany = tooManyNames(request, known);
  if (tooMany.length > 0) throw new InvalidRequestError(tooMany);
  const fields: InvalidField[] = Object.keys(request)
    .filter((field) => !known.includes(field))
    .map((field) => ({ field, problem: `is not a known field; use ${known.join(' and ')}` }));
  fields.push(...idProblems(ids));
  const time = timestamp.safeParse(until instanceof Date && !isNaN(+until) ? until.toISOString() : until);
  if (known.includes('until') && !time.success)
    fields.push({ field: 'until', problem: time.error.issues[0]!.message });
  if (fields.length > 0) throw new InvalidRequestError(fields);
  return { ids: uniqueIds(ids as string[]), until: time.data ?? null };
}

/** The problem of a notification id, or `null`. */
export function idProblem(id: unknown): string | null {
  return typeof id === 'string' && UUID.test(id) ? null : `must be a UUID, is ${shown(id)}`;
}

function uniqueIds(ids: readonly string[]): string[] {
  return [...new Set(ids.map((id) => id.toLowerCase()))];
}

function idProblems(ids: unknown): InvalidField[] {
  if (!Array.isArray(ids)) return [{ field: 'ids', problem: `must be an array, is ${kindOf(ids)}` }];
  if (ids.length === 0) return [{ field: 'ids', problem: 'must name at least one notification' }];
  if (ids.length > MAX_CHANGED_IDS) {
    const problem = `must name at most ${MAX_CHANGED_IDS} notifications, names ${ids.length}`;
    return [{ field: 'ids', problem }];
  }
  return ids.flatMap((id: unknown, index) => {
    const problem = idProblem(id);
    return problem ? [{ field: `ids[${index}]`, problem }] : [];
  });
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : kindOf(value);
}
