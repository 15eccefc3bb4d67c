/** The default for attempts at something that other processes try, too. */
const DEFAULT = { firstMs: 500, longestMs: 15_000 };

/**
 * The wait after this many failed attempts (from 1): between `firstMs` and 3, 9, 27 ... times that, at most `longestMs`. Spread over the whole
 * range, because callers that failed together would otherwise return together.
 */
export function backoffMs(attempt: number, { firstMs, longestMs } = DEFAULT): number {
  const ceiling = Math.min(longestMs, firstMs * 3 ** Math.max(1, attempt));
  // Whole: BullMQ on Postgres takes no fractions of a ms.
  return Math.round(firstMs + Math.random() * (ceiling - firstMs));
}
