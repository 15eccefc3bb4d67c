/** The longest reason of a failure: with a job, in a log line, in a problem. A reason may quote an external input of any size. */
export const MAX_REASON_LENGTH = 2_000;

/** The text, cut at `maxLength` characters. */
export function cut(text: string, maxLength = MAX_REASON_LENGTH): string {
  return text.length > maxLength ? `${text.slice(0, maxLength - 1)}…` : text;
}
