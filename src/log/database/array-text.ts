/** A list of names as the text of an array in Postgres: rows of arrays of different lengths cannot be a parameter. */
export function arrayText(names: readonly string[]): string {
  return `{${names.map((name) => `"${name.replace(/["\\]/g, '\\$&')}"`).join(',')}}`;
}
