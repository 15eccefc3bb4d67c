/** Variables of these names could only be meant for us, so that a greater distance still is a likely mistake. */
const OURS = /^(TIDINGS|AUTH|STREAM)_/;
/** Kubernetes makes these for a Service called "tidings". */
const KUBERNETES = /^TIDINGS_(PORT|SERVICE)(_|$)/;

/** A warning for each variable that is set and not read but nearly has the name of one that is. */
export function unreadVariables(set: readonly string[], known: readonly string[]): string[] {
  return set
    .filter((name) => !known.includes(name) && !KUBERNETES.test(name))
    .flatMap((name) => {
      const candidate = name.toUpperCase();
      const reach = OURS.test(candidate) ? 4 : 2;
      const nearest = known
        // In short names two letters are half of the word.
        .filter((other) => other.length >= 8)
        .map((other) => ({ other, distance: editDistance(candidate, other) }))
        .reduce((best, next) => (next.distance < best.distance ? next : best));
      if (nearest.distance > reach) return [];
      return [`${name} is set but not read; did you mean ${nearest.other}?`];
    });
}

/** Levenshtein's distance: insertions, deletions and substitutions. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, left] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, right] of [...b].entries()) {
      next.push(Math.min(row[j + 1]! + 1, next[j]! + 1, row[j]! + (left === right ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
