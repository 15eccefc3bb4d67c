/** The command line is invalid; the message shows the correct form. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
