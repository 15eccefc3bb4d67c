import { MAX_LISTED_FIELDS, type InvalidField } from './errors.js';

/** More unknown names are most likely another kind of input, and each suggestion takes time. */
const MOST_SUGGESTIONS = 5;
/** The distance takes time that grows with the length, and the name is external. */
const LONGEST_NAME = 50;

/** Reports unknown names, the first 20 and the number of the others: a typo would go unnoticed, and a default would replace the intended value. */
export function unknownNames(
  unknown: readonly string[],
  known: readonly string[],
  { what, at = '' }: { readonly what: 'option' | 'field'; readonly at?: string },
): InvalidField[] {
  const more = unknown.length - MAX_LISTED_FIELDS;
  return unknown.slice(0, MAX_LISTED_FIELDS).map((name, index) => {
    const near = index < MOST_SUGGESTIONS ? nearest(name, known, Math.max(1, name.length * 0.4)) : undefined;
    const suggestion = near ? ` (${near}?)` : '';
    // With the first, which no later cut can lose.
    const rest = more > 0 && index === 0 ? `, as ${more} more are not` : '';
    return {
      field: at ? `${at}.${name}` : name,
      problem: `is not a known ${what}${suggestion}${rest}; known are ${known.join(', ')}`,
    };
  });
}

/** More names than any of our inputs has. */
const MAX_NAMES = 100;

/**
 * The unknown names of an object that has more names than any of our inputs, otherwise none. Checked before a schema copies and compares all
 * of them: a body of 120,000 takes it seconds.
 */
export function tooManyNames(input: unknown, known: readonly string[], at = ''): InvalidField[] {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return [];
  const names = Object.keys(input);
  if (names.length <= MAX_NAMES) return [];
  return unknownNames(
    names.filter((name) => !known.includes(name)),
    known,
    { what: 'field', at },
  );
}

/** The known name with the fewest differing letters, at most `most` of them; case is ignored. */
export function nearest(name: string, known: readonly string[], most: number): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const [best] = known
    .map((one) => ({ one, steps: distance(name.toLowerCase(), one.toLowerCase()) }))
    .sort((a, b) => a.steps - b.steps);
  return best && best.steps <= most ? best.one : undefined;
}

/** The Levenshtein distance: letters to add, remove or change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const changed = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, changed));
    }
    row = next;
  }
  return row[b.length]!;
}
