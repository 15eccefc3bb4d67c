import type { InvalidField } from './errors.js';

/** More unknown names are most likely another kind of input, and each suggestion takes time. */
const MOST_SUGGESTIONS = 5;
/** An external input may have any number of unknown names. */
const MOST_LISTED = 20;
/** The distance takes time that grows with the length, and the name is external. */
const LONGEST_NAME = 50;

/** Reports each unknown name: a typo would go unnoticed, and a default would replace the intended value. */
export function unknownNames(
  unknown: readonly string[],
  known: readonly string[],
  { what, at = '' }: { readonly what: 'option' | 'field'; readonly at?: string },
): InvalidField[] {
  const more = unknown.length - MOST_LISTED;
  return unknown.slice(0, MOST_LISTED).map((name, index) => {
    const near = index < MOST_SUGGESTIONS ? nearest(name, known, Math.max(1, name.length * 0.4)) : undefined;
    const suggestion = near ? ` (${near}?)` : '';
    const rest = more > 0 && index === MOST_LISTED - 1 ? `; ${more} more are not known either` : '';
    return {
      field: at ? `${at}.${name}` : name,
      problem: `is not a known ${what}${suggestion}; known are ${known.join(', ')}${rest}`,
    };
  });
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
