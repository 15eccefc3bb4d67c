import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Observable } from 'rxjs';
import type { Frame } from '../../src/contract/ports/stream.js';
import { closingFrame, entryFrame, readyFrame, resetFrame } from '../../src/stream/frames.js';
import { propertyOptions } from '../support/property.js';
import { SseParser, type SseFrame } from '../support/sse-parser.js';
import { startHttpApp, type HttpApp } from './http-app.js';
import { sign } from './tokens.js';

/** What an EventSource hands to a page. */
interface DispatchedEvent {
  readonly type: string;
  readonly data: string;
  readonly lastEventId: string;
}

/**
 * The bytes as a browser reads them: a transcription of the WHATWG HTML standard, section 9.2.6, step by step, which knows nothing of
 * how we write them. The parser of the other tests must agree with it.
 */
function dispatch(bytes: Uint8Array): DispatchedEvent[] {
  // "Streams must be decoded using the UTF-8 decode algorithm", which takes one BOM away.
  const text = new TextDecoder('utf-8').decode(bytes);
  const events: DispatchedEvent[] = [];
  let [data, eventType, lastEventIdBuffer, lastEventId] = ['', '', '', ''];
  const process = (field: string, value: string): void => {
    if (field === 'event') eventType = value;
    else if (field === 'data') data += `${value}\n`;
    else if (field === 'id' && !value.includes('\0')) lastEventIdBuffer = value;
  };
  const endBlock = (): void => {
    lastEventId = lastEventIdBuffer;
    if (data !== '') events.push({ type: eventType || 'message', data: data.slice(0, -1), lastEventId });
    [data, eventType] = ['', ''];
  };
  const lines = text.split(/\r\n|\n|\r/);
  // What follows the last end of line is no line.
  lines.pop();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (line === '') endBlock();
    else if (colon === -1) process(line, '');
    else if (colon > 0)
      process(line.slice(0, colon), line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1));
  }
  return events;
}

/** What is in a frame and cannot be in a line: its ends, and what UTF-8 cannot write. */
const inOneLine = (text: string): string => text.replace(/[\r\n]/g, '').toWellFormed();
const inLines = (text: string): string => text.replace(/\r\n|\r/g, '\n').toWellFormed();

/** What must arrive of a frame. An id with NUL is none for a browser. */
function meant({ type, id, data, retry, comment }: Frame): Partial<SseFrame> {
  const sentId = id === undefined ? null : inOneLine(id);
  return {
    event: inOneLine(type ?? ''),
    id: sentId?.includes('\0') ? null : sentId,
    data: data === undefined ? null : inLines(data),
    retry: retry ?? null,
    comments: comment === undefined ? [] : inLines(comment).split('\n'),
  };
}

const hostile = fc.constantFrom(
  ...[
    '\r',
    '\n',
    '\r\n',
    '\n\n',
    '\r\r',
    '\0',
    '\uFEFF',
    '\uD800',
    '\uDC00',
    '\u2028',
    '\u2029',
    '\u0085',
    '\v',
    ':',
    ' ',
    '🎉',
  ],
  ...[
    'data: x',
    'id: 1',
    'event: feed.reset',
    'retry: 1',
    ': hb',
    '\n\nid: 9\ndata: {}\n\n',
    '\ndata',
    '\rid:',
  ],
);
/** Any text, but most often one that would like to be something else. */
const text = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .array(fc.oneof(hostile, fc.string({ unit: 'binary' })), { maxLength: 8 })
      .map((parts) => parts.join('')),
  },
  {
    weight: 1,
    arbitrary: fc.string({
      unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    }),
  },
);
const json = fc.oneof(
  text,
  fc.json(),
  text.map((value) => JSON.stringify({ type: value, data: { value } })),
);
const seq = fc.nat();
const state = fc.record({
  feedId: fc.constant('1'),
  epoch: text,
  head: seq,
  floor: seq,
  unread: seq,
  unseen: seq,
});

/** Frames as the product makes them, of parts that no part of it would let pass. */
const frame: fc.Arbitrary<Frame> = fc.oneof(
  fc
    .tuple(
      text,
      fc.record({ seq, type: text, json: fc.option(json) }),
      fc.constantFrom('type' as const, 'message' as const),
    )
    .map((parts) => entryFrame(...parts)),
  fc
    .tuple(state, seq, seq, fc.option(text))
    .map(([opened, ...rest]) => readyFrame({ ...opened, pending: false }, ...rest)),
  fc.tuple(fc.constantFrom('expired' as const, 'epoch' as const), state).map((parts) => resetFrame(...parts)),
  fc
    .tuple(fc.constantFrom('draining' as const, 'busy' as const), text, seq)
    .map((parts) => closingFrame(...parts)),
  fc.constant<Frame>({ comment: 'hb' }),
);

describe('Frames on the wire', () => {
  let app: HttpApp;
  let headers: Record<string, string>;

  beforeAll(async () => {
    app = await startHttpApp();
    // A connection each: while this process parses a megabyte, the server's limit for idle ones passes.
    headers = { authorization: `Bearer ${await sign()}`, connection: 'close' };
  });

  afterAll(() => app.close());

  /** The body of a stream of these frames, as the product writes it. */
  async function write(frames: readonly Frame[]): Promise<Uint8Array> {
    app.streams.frames = ({ outlet }) =>
      new Observable((subscriber) => {
        outlet.batch(() => {
          for (const each of frames) subscriber.next(each);
        });
        subscriber.complete();
      });
    const response = await app.get('/v1/stream', { headers });
    return new Uint8Array(await response.arrayBuffer());
  }

  /** Pushed in pieces of any size, as they come from a network. */
  function parse(bytes: Uint8Array, pieces: number): SseFrame[] {
    const parser = new SseParser();
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const blocks: SseFrame[] = [];
    for (let start = 0; start < bytes.length; start += pieces)
      blocks.push(...parser.push(decoder.decode(bytes.subarray(start, start + pieces), { stream: true })));
    return blocks;
  }

  /** The frames are all that arrives, and arrive as they were meant. */
  function expectMeant(frames: readonly Frame[], bytes: Uint8Array, pieces: number): void {
    const blocks = parse(bytes, pieces);
    expect(
      blocks.map(({ event, id, data, retry, comments }) => ({ event, id, data, retry, comments })),
    ).toEqual(frames.map(meant));
    let lastEventId = '';
    const events = frames.map(meant).flatMap(({ event, id, data }) => {
      lastEventId = id ?? lastEventId;
      return data === null ? [] : [{ type: event || 'message', data, lastEventId }];
    });
    expect(dispatch(bytes)).toEqual(events);
  }

  it('encode any type, id and data one for one: nothing can add a field or a frame', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(frame, { maxLength: 6 }),
        fc.integer({ min: 1, max: 64 }),
        async (frames, pieces) => {
          expectMeant(frames, await write(frames), pieces);
        },
      ),
      propertyOptions(300),
    );
  }, 120_000);

  it('preserve any JSON to the letter, including lone surrogates, NUL and U+2028', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 5 }), async (values) => {
        const entries = values.map((value, index) => ({
          seq: index + 1,
          type: 'note',
          json: JSON.stringify({ value }),
        }));
        const events = dispatch(await write(entries.map((entry) => entryFrame('e1', entry, 'type'))));
        expect(events.map(({ data }) => (JSON.parse(data) as { value: string }).value)).toEqual(values);
        expect(events.at(-1)!.lastEventId).toBe(`e1-${values.length}`);
      }),
      propertyOptions(100),
    );
  }, 120_000);

  it.each([
    ['without a line break', 'x'],
    ['of CRLF', '\r\n'],
    ['of fields', 'id: 9\n'],
    ['of three bytes a character', '\u2028'],
  ])('carry 1 MB %s whole', async (_name, unit) => {
    const big = unit.repeat((1024 * 1024) / unit.length);
    const frames = [
      entryFrame('e1', { seq: 1, type: 'note', json: big }, 'type'),
      entryFrame('e1', { seq: 2, type: big, json: '{}' }, 'type'),
      entryFrame(big, { seq: 3, type: 'note', json: '{}' }, 'type'),
    ];
    expectMeant(frames, await write(frames), 64 * 1024);
  });
});

describe('The parser of the tests', () => {
  it('reads any bytes as the standard says, in pieces of any size', () => {
    const soup = fc.array(fc.oneof(hostile, fc.constantFrom('data', 'id', 'event', 'retry', ':', '\n')), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(soup, fc.integer({ min: 1, max: 20 }), (parts, pieces) => {
        // An end of line that is no half of another one: what a CR at the very end is cannot be known.
        const bytes = new TextEncoder().encode(`${parts.join('')}\n`);
        const parser = new SseParser();
        const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
        const blocks: SseFrame[] = [];
        for (let start = 0; start < bytes.length; start += pieces)
          blocks.push(
            ...parser.push(decoder.decode(bytes.subarray(start, start + pieces), { stream: true })),
          );
        const events = blocks.flatMap(({ event, data, lastEventId }) =>
          data === null ? [] : [{ type: event || 'message', data, lastEventId }],
        );
        expect(events).toEqual(dispatch(bytes));
      }),
      propertyOptions(2_000),
    );
  });
});
