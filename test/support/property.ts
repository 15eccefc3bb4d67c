/**
 * The settings of a property-based test: so many runs, unless the environment says otherwise.
 *
 * - `PROPERTY_RUNS` so many runs of each property, to search for longer;
 * - `PROPERTY_SEED` the seed that a failing run has printed;
 * - `PROPERTY_SHRINK=false` the first counterexample will do: it need not be the smallest.
 */
export function propertyOptions(runs: number): { numRuns: number; seed?: number; endOnFailure: boolean } {
  const { PROPERTY_RUNS, PROPERTY_SEED, PROPERTY_SHRINK } = process.env;
  return {
    numRuns: PROPERTY_RUNS === undefined ? runs : Number(PROPERTY_RUNS),
    ...(PROPERTY_SEED !== undefined && { seed: Number(PROPERTY_SEED) }),
    endOnFailure: PROPERTY_SHRINK === 'false',
  };
}
