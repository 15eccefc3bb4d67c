/**
 * One instance sends no more clients a second to the others. About a third of what a process takes that does nothing else
 * (docs/performance.md, part e).
 */
const RECONNECTS_PER_SECOND = 500;

/**
 * The reconnect delays for streams that end at once: from half of `retryMs`, over as much time as `retryMs`, or over more if that
 * would be too many a second. Each gets a part of that time, and a moment in it, so that no second gets more than its share.
 */
export function leavingDelays(streams: number, retryMs: number): number[] {
  const spreadMs = Math.max(retryMs, (1_000 * streams) / RECONNECTS_PER_SECOND);
  return Array.from({ length: streams }, (_, nth) =>
    Math.floor(retryMs / 2 + (spreadMs * (nth + Math.random())) / streams),
  );
}
