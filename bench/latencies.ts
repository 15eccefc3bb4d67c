import type { Arrived } from './arrivals.js';

/** Times from publishing to the arrival, in ms. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
  /** So many arrived a second: fewer than were published if the server does not keep up. */
  readonly perSecond: number;
}

export function latencyOf(times: readonly number[], { count, since, lastAt }: Arrived): Latency {
  const sorted = Float64Array.from(times).sort();
  const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? NaN;
  return { p50: at(0.5), p99: at(0.99), perSecond: (count * 1_000) / (lastAt - since) };
}
