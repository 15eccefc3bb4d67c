/** The message of an error. Node's AggregateError for a host with several addresses has an empty message but a code. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message || code || error.name;
}
