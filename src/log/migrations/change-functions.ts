import { changeByIds } from './change-by-ids-function.js';
import { changeUpTo } from './change-up-to-function.js';
import { expireFunction } from './expire-function.js';
import { hide } from './hide-function.js';
import { logState } from './log-state-function.js';
import { recall } from './recall-function.js';

/**
 * The functions that change the state of notifications. Each is one round trip and one transaction, with one
 * log entry that describes the change as on the wire, with the counts after it.
 *
 * Each first locks the feed's row in a statement of its own, waiting up to `lock_timeout`; later reads are on
 * a newer snapshot (READ COMMITTED). `append` never waits while it holds locks, and each of these holds a
 * single lock, so nothing can deadlock.
 *
 * The result of the functions for recipients is one row:
 *
 * - `changed`: `seq` and `entry_json` are those of the new entry;
 * - `same`: nothing had to change; `head` and the counts are the current ones;
 * - `missing`: the feed does not exist;
 * - `unknown`: `unknown_ids` are not in this feed; nothing was done;
 * - `epoch`, `ahead`: the position is of another epoch, or beyond the head; nothing was done.
 */
export function changeFunctions(schema: string): string[] {
  return [
    logState(schema),
    hide(schema),
    changeByIds(schema),
    changeUpTo(schema),
    recall(schema),
    expireFunction(schema),
  ];
}

export const CHANGE_SIGNATURES = [
  'expire(bigint[], integer)',
  'recall(text, text, bytea)',
  'change_up_to(text, text, text, text, bigint)',
  'change_by_ids(text, text, text, uuid[])',
  'hide(bigint, bigint[], text, timestamptz)',
  'log_state(bigint, text, text, integer, integer, timestamptz)',
];
