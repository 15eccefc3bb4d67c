/** A delay spread evenly over `ms * (1 - by)` to `ms * (1 + by)`, so that many clients do not act together. */
export function jittered(ms: number, by: number): number {
  return Math.round(ms * (1 - by + 2 * by * Math.random()));
}
