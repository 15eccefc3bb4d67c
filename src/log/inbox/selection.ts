import { InvalidRequestError, type InvalidField } from '../../contract/errors.js';
import {
  MAX_CHANGED_IDS,
  UP_TO_CHANGES,
  type Selection,
  type StateChange,
} from '../../contract/ports/inbox.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** So many wrong ids are named; who sent 10,000 of them has seen enough by then. */
const MOST_NAMED = 20;

/** @throws {InvalidRequestError} if this cannot be what the change is about. */
export function checkSelection(change: StateChange, selection: Selection): void {
  const fields = problemsOf(change, selection);
  if (fields.length > 0) throw new InvalidRequestError(fields);
}

function problemsOf(change: StateChange, selection: Selection): InvalidField[] {
  if ('upTo' in selection) {
    if (UP_TO_CHANGES.includes(change)) return [];
    return [{ field: 'upTo', problem: `is not known here: ${change} takes ids` }];
  }
  if (change === 'seen') return [{ field: 'ids', problem: 'is not known here: seen takes upTo' }];
  const { ids } = selection;
  if (ids.length === 0) return [{ field: 'ids', problem: 'must name at least one notification' }];
  if (ids.length > MAX_CHANGED_IDS)
    return [
      { field: 'ids', problem: `must name at most ${MAX_CHANGED_IDS} notifications, names ${ids.length}` },
    ];
  return ids
    .map((id, index) => ({ id, field: `ids[${index}]` }))
    .filter(({ id }) => !UUID.test(id))
    .slice(0, MOST_NAMED)
    .map(({ id, field }) => ({ field, problem: `must be a UUID, is ${JSON.stringify(id.slice(0, 100))}` }));
}

/** The wrong fields for ids that are not in the feed, in the order of the request. */
export function unknownFields(ids: readonly string[], unknown: readonly string[]): InvalidField[] {
  const missing = new Set(unknown);
  return ids
    .map((id, index) => ({ id, field: `ids[${index}]` }))
    .filter(({ id }) => missing.has(id.toLowerCase()))
    .slice(0, MOST_NAMED)
    .map(({ id, field }) => ({ field, problem: `is not a notification of this feed: ${id}` }));
}
