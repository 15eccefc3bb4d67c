import type { RawFrame } from './types.js';

/** A frame with the reconnect delay that came with it, in ms. */
export interface ParsedFrame extends RawFrame {
  readonly retryMs?: number;
}

/**
 * Parses an event stream (WHATWG HTML, 9.2.6) that was decoded already. Unlike an EventSource, and unlike the parsers there are, it also
 * reports a frame that is an id alone: that is how the server moves a cursor past entries that are not to be shown any more.
 *
 * @returns what takes the next piece of text, cut anywhere.
 */
export function createParser(onFrame: (frame: ParsedFrame) => void): (chunk: string) => void {
  let rest = '';
  let event = '';
  let id: string | undefined;
  let data: string[] = [];
  let retryMs: number | undefined;

  const end = (): void => {
    if (data.length > 0 || id !== undefined) onFrame({ event, id: id ?? '', data: data.join('\n'), retryMs });
    event = '';
    id = undefined;
    data = [];
    retryMs = undefined;
  };

  const take = (line: string): void => {
    if (line === '') return end();
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line)!;
    if (name === 'event') event = value;
    else if (name === 'data') data.push(value);
    else if (name === 'id' && !value.includes('\0')) id = value;
    else if (name === 'retry' && /^\d+$/.test(value)) retryMs = Number(value);
  };

  return (chunk) => {
    // A CR at the very end may be the first half of a CRLF.
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop()!;
    lines.forEach(take);
  };
}
