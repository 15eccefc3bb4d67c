import type { InvalidField } from './errors.js';

/** The names that nobody reads: a typing error would pass in silence, and a default take the place of what was meant. */
export function unknownNames(
  given: object,
  known: readonly string[],
  { what, at = '' }: { readonly what: 'option' | 'field'; readonly at?: string },
): InvalidField[] {
  return Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => ({ field: at ? `${at}.${name}` : name, problem: unknownProblem(name, known, what) }));
}

/** What is wrong with a name that is not among the known ones, and which of them it may stand for. */
export function unknownProblem(name: string, known: readonly string[], what: 'option' | 'field'): string {
  const near = nearest(name, known);
  return `is not a known ${what}${near ? ` (${near}?)` : ''}; known are ${known.join(', ')}`;
}

function nearest(name: string, known: readonly string[]): string | undefined {
  // Of a name from outside: the distance takes time that grows with its length.
  if (name.length > 50) return undefined;
  const [best] = known
    .map((one) => ({ one, steps: distance(name.toLowerCase(), one.toLowerCase()) }))
    .sort((a, b) => a.steps - b.steps);
  return best && best.steps <= Math.max(1, Math.floor(name.length * 0.4)) ? best.one : undefined;
}

/** Levenshtein: letters to add, to drop or to change. */
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
