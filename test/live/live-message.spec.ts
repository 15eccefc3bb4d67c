import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { feedHash, postgresChannel, redisPrefix } from '../../src/live/channel.js';
import { decodeMessage, DISCONNECT, encodeMessage } from '../../src/live/message.js';
import { MAX_PAYLOAD_BYTES, pack, unpack } from '../../src/live/payload.js';

const LIMIT = 16 * 1024;
const json = (data: unknown): string => JSON.stringify({ data });

describe('A message on the bus', () => {
  it('arrives as it was sent, whatever the JSON holds', () => {
    const types = fc.constantFrom('task-completed', 'feed.read', 'a');
    const entry = fc.option(fc.tuple(types, fc.option(fc.jsonValue({ noUnicodeString: false }))));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), entry, (seq, drawn) => {
        const message = {
          epoch: 'k3v9x2ab',
          seq,
          entry: drawn && {
            seq,
            type: drawn[0],
            ...(drawn[1] === null ? { json: null } : { json: json(drawn[1]), publishedAt: seq % 2 ** 41 }),
          },
        };
        expect(decodeMessage(encodeMessage(message, LIMIT))).toEqual(message);
      }),
    );
  });

  it('leaves out an entry over the limit, in bytes and not in characters', () => {
    const message = (text: string) => ({
      epoch: 'e',
      seq: 7,
      entry: { seq: 7, type: 'a', json: `{"x":"${text}"}` },
    });
    const room = LIMIT - '{"x":""}'.length;
    expect(encodeMessage(message('x'.repeat(room)), LIMIT)).toContain('{');
    expect(encodeMessage(message('x'.repeat(room + 1)), LIMIT)).toBe('e-7');
    expect(encodeMessage(message('€'.repeat(room / 3 + 1)), LIMIT)).toBe('e-7');
  });

  it('has a form of its own to end streams, which no message with a position can take', () => {
    expect(decodeMessage(DISCONNECT)).toBe(DISCONNECT);
    for (const text of [` ${DISCONNECT}`, `${DISCONNECT} `, `${DISCONNECT}\n{}`, `${DISCONNECT}-1`]) {
      expect(decodeMessage(text)).not.toBe(DISCONNECT);
    }
  });

  it('tolerates additional words in its header', () => {
    const entry = { seq: 7, type: 'note', json: '{"a":1}' };
    for (const words of ['later words', '@ @x @-1', '1 2 3 4 5 6 7 8 9 @7', `@${'9'.repeat(16)}`]) {
      expect(decodeMessage(`e-7 note ${words}\n{"a":1}`)).toEqual({ epoch: 'e', seq: 7, entry });
    }
    expect(decodeMessage('e-7 note later @17\n{"a":1}')).toMatchObject({
      entry: { ...entry, publishedAt: 17 },
    });
  });

  it.each([
    '',
    '\n',
    'e',
    'e-0',
    'e-01',
    'e-9007199254740993',
    'E-7',
    'e-7\n{"a":1}',
    'e-7 \n{"a":1}',
    'e-7 NOTE\n{"a":1}',
    'e-7 note\n',
    'e-7 note\n[1]',
    'e-7 note\n{"a":1}\n\nevent: forged\ndata: {}',
    'e-7 note\n{"a":\r1}',
    'e-7 note\u0000\n{"a":1}',
  ])('is ignored if it is garbage: %j', (text) => {
    expect(decodeMessage(text)).toBeNull();
  });

  it('never makes the reader throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => void decodeMessage(text)));
  });
});

describe('A payload of NOTIFY', () => {
  it('holds several messages in order and stays below the limit in bytes', () => {
    const message = fc
      .string({ unit: 'grapheme', maxLength: 900 })
      .filter((text) => !text.includes('\u001e'));
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 60 }), (messages) => {
        const payloads = pack(messages);
        for (const payload of payloads)
          expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
        expect(payloads.flatMap(unpack)).toEqual(messages);
      }),
    );
  });

  it('is filled up to the limit', () => {
    const half = 'x'.repeat((MAX_PAYLOAD_BYTES - 1) / 2);
    expect(pack([half, half])).toHaveLength(1);
    expect(pack([half, `${half}x`])).toHaveLength(2);
  });
});

describe('A channel', () => {
  it('distinguishes feeds that would look the same when joined', () => {
    const hashes = [
      { tenant: '', recipient: 'ab' },
      { tenant: 'a', recipient: 'b' },
      { tenant: 'ab', recipient: '' },
      { tenant: '', recipient: 'a:b' },
    ].map(feedHash);
    expect(new Set(hashes).size).toBe(4);
    for (const hash of hashes) expect(hash).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  it('carries the identity of the database, which must be a short word', () => {
    expect(redisPrefix('a1')).toBe('tidings:a1:');
    expect(postgresChannel('a1')).toBe('tidings_a1');
    for (const wrong of ['', 'a b', 'a:b', '"', 'x'.repeat(41)])
      expect(() => redisPrefix(wrong)).toThrow(TypeError);
  });
});
