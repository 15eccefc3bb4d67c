const SHORTEST_MS = 500;
const LONGEST_MS = 15_000;

/**
 * How long to wait after this many attempts (from 1): 0.5 to 1.5 s, 0.5 to 4.5 s, ... at most 15 s. Spread over the whole range, because
 * what failed together would else come back together.
 */
export function backoffMs(attempt: number): number {
  const ceiling = Math.min(LONGEST_MS, SHORTEST_MS * 3 ** Math.max(1, attempt));
  // Whole: BullMQ on Postgres takes no fractions of a ms.
  return Math.round(SHORTEST_MS + Math.random() * (ceiling - SHORTEST_MS));
}
