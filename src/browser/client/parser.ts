import type { RawFrame } from './types.js';

/** A frame with its reconnect delay. */
export interface ParsedFrame extends RawFrame {
  readonly retryMs?: number;
}

/**
 * Creates a parser of a decoded event stream (WHATWG HTML, 9.2.6). Unlike an EventSource and the usual parsers, it also reports frames that
 * have only an id, by which the server moves the cursor past entries that are no longer shown.
 *
 * @returns a function that takes the next chunk, split anywhere.
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

/** Parses the data of a frame; `null` if it is not JSON. */
export function jsonOf<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}
