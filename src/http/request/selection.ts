import { parseCursor } from '../../contract/model/cursor.js';
import { InvalidRequestError, type InvalidField } from '../../contract/errors.js';
import { kindOf } from '../../contract/model/feed.js';
import {
  MAX_CHANGED_IDS,
  UP_TO_CHANGES,
  type Selection,
  type StateChange,
} from '../../contract/ports/inbox.js';

// RFC 9562, section 4: lower case is written, either is read.
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Reads `{ids: [...]}` or `{upTo: cursor}`, whichever the change knows: a misunderstanding must not mark more, or less, than was meant.
 *
 * @throws {InvalidRequestError} naming each wrong field.
 */
export function readSelection(body: Readonly<Record<string, unknown>>, change: StateChange): Selection {
  const known = fieldsOf(change);
  const fields: InvalidField[] = Object.keys(body)
    .filter((field) => !known.includes(field))
    .map((field) => ({ field, problem: `is not known here; there is ${known.join(' or ')}` }));
  const given = known.filter((field) => Object.hasOwn(body, field));
  if (given.length === 0) fields.push({ field: known.join(' or '), problem: 'must be given' });
  if (given.length > 1) fields.push({ field: 'upTo', problem: 'must not be given beside ids' });
  if (given.includes('ids')) fields.push(...idProblems(body['ids']));
  const upTo = typeof body['upTo'] === 'string' ? parseCursor(body['upTo']) : null;
  if (given.includes('upTo') && upTo === null) {
    fields.push({
      field: 'upTo',
      problem: `must be a cursor, such as that of a page, is ${shown(body['upTo'])}`,
    });
  }
  if (fields.length > 0) throw new InvalidRequestError(fields);
  return upTo ? { upTo } : { ids: [...new Set((body['ids'] as string[]).map((id) => id.toLowerCase()))] };
}

/** Reads the id in a path. @throws {InvalidRequestError} */
export function readId(id: string): string {
  if (UUID.test(id)) return id.toLowerCase();
  throw new InvalidRequestError([{ field: 'id', problem: `must be a UUID, is ${shown(id)}` }]);
}

function fieldsOf(change: StateChange): readonly string[] {
  if (change === 'seen') return ['upTo'];
  return UP_TO_CHANGES.includes(change) ? ['ids', 'upTo'] : ['ids'];
}

function idProblems(ids: unknown): InvalidField[] {
  if (!Array.isArray(ids)) return [{ field: 'ids', problem: `must be an array, is ${kindOf(ids)}` }];
  if (ids.length === 0) return [{ field: 'ids', problem: 'must name at least one notification' }];
  if (ids.length > MAX_CHANGED_IDS) {
    const problem = `must name at most ${MAX_CHANGED_IDS} notifications, names ${ids.length}`;
    return [{ field: 'ids', problem }];
  }
  return ids.flatMap((id: unknown, index) =>
    typeof id === 'string' && UUID.test(id)
      ? []
      : [{ field: `ids[${index}]`, problem: `must be a UUID, is ${shown(id)}` }],
  );
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : kindOf(value);
}
