import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isMessage } from '../../src/browser/client/messages.js';

const item = { type: 'order', id: 'x', cursor: 'e1-5', replaces: [] };
const frame = (data: unknown, id = 'e1-5'): object => ({
  event: 'order',
  id,
  data: typeof data === 'string' ? data : JSON.stringify(data),
});
const relayed = (data: unknown, more: object = {}): object => ({
  kind: 'frame',
  relayed: { before: 4, after: 5, frame: frame(data), ...more },
});

describe('A message between tabs', () => {
  it.each<[string, object]>([
    ['hello', { kind: 'hello', seq: 0, wake: false }],
    ['begins', { kind: 'begins', seq: 7 }],
    ['a notification', relayed(item)],
    ['a change', relayed({ type: 'feed.read', ids: ['x'], unread: 0, unseen: 0 })],
    ['a frame that only moves the cursor', relayed('')],
    ['a status', { kind: 'status', status: { state: 'live' } }],
    ['an outage', { kind: 'status', status: { state: 'offline', retryAt: 1 } }],
    ['a reset', { kind: 'reset', frame: frame({ type: 'feed.reset', reason: 'expired' }) }],
    ['vacant', { kind: 'vacant' }],
    ['signed-out', { kind: 'signed-out' }],
  ])('may be %s', (_what, message) => expect(isMessage(message)).toBe(true));

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['text', 'signed-out'],
    ['of no known kind', { kind: 'constructor' }],
    ['hello without a number', { kind: 'hello', wake: true }],
    ['hello with NaN', { kind: 'hello', seq: NaN }],
    ['a status without one', { kind: 'status' }],
    ['a status that says stopped', { kind: 'status', status: { state: 'stopped', reason: 'signed-out' } }],
    ['an outage without a time', { kind: 'status', status: { state: 'offline' } }],
    ['a frame without one', { kind: 'frame' }],
    ['a frame of other numbers', relayed(item, { after: 6 })],
    ['a frame that is not JSON', relayed('{')],
    ['a frame of null', relayed(null)],
    ['a notification without replaces', relayed({ ...item, replaces: undefined })],
    ['a notification at another place', relayed({ ...item, cursor: 'e1-9' })],
    ['a change without counts', relayed({ type: 'feed.read', ids: [] })],
    ['a reset without a reason', { kind: 'reset', frame: frame({}) }],
    ['a reset that is not JSON', { kind: 'reset', frame: frame('no') }],
  ])('must not be %s', (_what, message) => expect(isMessage(message)).toBe(false));

  it('is judged without an error, whatever it is', () => {
    const kinds = fc.constantFrom('hello', 'begins', 'frame', 'status', 'reset', 'vacant', 'signed-out', 'x');
    const message = fc.record(
      {
        kind: kinds,
        seq: fc.anything(),
        relayed: fc.oneof(
          fc.anything(),
          fc.record({ before: fc.nat(), after: fc.nat(), frame: fc.anything() }),
        ),
        status: fc.anything(),
        frame: fc.oneof(fc.anything(), fc.record({ event: fc.string(), id: fc.string(), data: fc.json() })),
      },
      { requiredKeys: ['kind'] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.anything(), message), (value) => {
        expect(typeof isMessage(value)).toBe('boolean');
      }),
      { numRuns: 2_000 },
    );
  });
});
