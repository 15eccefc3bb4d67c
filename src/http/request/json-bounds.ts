import { InvalidRequestError } from '../../contract/errors.js';

/** The deepest nesting. `data` may have 64 levels, in a notification in an array. */
export const MAX_DEPTH = 100;
/** The most objects, arrays and fields. A hundred notifications with 64 KiB of data and 100 fields in all are far below. */
export const MAX_NODES = 20_000;
/** The most values. A hundred notifications with 1,000 recipients each are 100,000. */
export const MAX_VALUES = 120_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Refuses JSON that takes long to parse for its size: two megabytes of brackets, or of distinct names, hold the event loop for half a second.
 * This counts them first, in a few milliseconds, and knows of JSON only where strings begin and end; whether it is valid is for the parser.
 *
 * @throws {InvalidRequestError}
 */
export function refuseExpensiveJson(bytes: Uint8Array): void {
  let depth = 0;
  let nodes = 0;
  let values = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    switch (bytes[at]!) {
      case QUOTE:
        at = endOfString(bytes, at);
        break;
      case 0x5b: // [
      case 0x7b: // {
        depth += 1;
        nodes += 1;
        if (depth > MAX_DEPTH) throw tooMuch(`levels: at most ${MAX_DEPTH}`);
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth -= 1;
        break;
      case 0x3a: // :
        nodes += 1;
        break;
      case 0x2c: // ,
        values += 1;
        break;
    }
  }
  if (nodes > MAX_NODES) throw tooMuch(`objects, arrays and fields: at most ${MAX_NODES}, has ${nodes}`);
  if (values > MAX_VALUES) throw tooMuch(`values: at most ${MAX_VALUES}, has ${values}`);
}

/** The index of the closing quote, or the end of a string that is not closed. */
function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}

function tooMuch(problem: string): InvalidRequestError {
  return new InvalidRequestError([{ field: 'body', problem: `has too many ${problem}` }]);
}
