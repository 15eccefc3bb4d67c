/** One block of an event stream: what stands between two empty lines. */
export interface SseFrame {
  /** The `event` field; `''` if there is none (an EventSource then says `message`). */
  readonly event: string;
  /** The `id` field of this block, `null` if it has none; `''` resets a browser's last event id. */
  readonly id: string | null;
  /** The lines of `data` joined by LF; `null` if there is none, and no event is then dispatched. */
  readonly data: string | null;
  /** Milliseconds, where the block has a valid `retry` field. */
  readonly retry: number | null;
  /** The text of each comment line, after the colon. */
  readonly comments: readonly string[];
  /** What a browser would send as `Last-Event-ID` after this block. */
  readonly lastEventId: string;
  /** The lines as they came, joined by LF. */
  readonly raw: string;
}

/**
 * Parses an event stream as browsers do (WHATWG HTML, 9.2.6), block by block. Unlike an EventSource it also reports blocks
 * that dispatch nothing (comments, ids alone), because their place and form are what the tests are about.
 */
export class SseParser {
  private text = '';
  private lines: string[] = [];
  private lastEventId = '';
  private started = false;

  /** Takes the next piece of decoded text and returns the blocks that it completes. */
  push(chunk: string): SseFrame[] {
    this.text += chunk;
    if (!this.started && this.text.length > 0) {
      this.started = true;
      if (this.text.startsWith('\uFEFF')) this.text = this.text.slice(1);
    }
    const frames: SseFrame[] = [];
    for (;;) {
      const end = /\r\n|\n|\r/.exec(this.text);
      // A CR at the very end may be the first half of a CRLF.
      if (!end || (end[0] === '\r' && end.index === this.text.length - 1)) return frames;
      const line = this.text.slice(0, end.index);
      this.text = this.text.slice(end.index + end[0].length);
      if (line !== '') this.lines.push(line);
      else if (this.lines.length > 0) frames.push(this.block());
    }
  }

  private block(): SseFrame {
    let event = '';
    let id: string | null = null;
    let retry: number | null = null;
    const data: string[] = [];
    const comments: string[] = [];
    for (const line of this.lines) {
      const colon = line.indexOf(':');
      const field = colon === -1 ? line : line.slice(0, colon);
      const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (colon === 0) comments.push(value);
      else if (field === 'event') event = value;
      else if (field === 'data') data.push(value);
      else if (field === 'id' && !value.includes('\0')) id = value;
      else if (field === 'retry' && /^[0-9]+$/.test(value)) retry = Number(value);
    }
    const raw = this.lines.join('\n');
    this.lines = [];
    if (id !== null) this.lastEventId = id;
    return {
      event,
      id,
      data: data.length > 0 ? data.join('\n') : null,
      retry,
      comments,
      lastEventId: this.lastEventId,
      raw,
    };
  }
}
