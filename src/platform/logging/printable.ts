import { cut } from '../../contract/cut.js';

/**
 * Makes untrusted text safe for a log or a terminal: control characters, line separators and bidirectional overrides become
 * visible escapes, lone surrogates become U+FFFD, and the text is cut at `maxLength` characters.
 */
export function printable(text: string, maxLength: number): string {
  return cut(text, maxLength)
    .replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .toWellFormed();
}

// oxlint-disable-next-line no-control-regex -- finding them is the purpose
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
