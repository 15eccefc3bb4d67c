import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { NO_METRICS } from '../../src/contract/ports/metrics.js';
import type { Frame } from '../../src/contract/ports/stream.js';
import { LiveFeedsHub } from '../../src/live/live-feeds.js';
import { FeedStreams } from '../../src/stream/feed-streams.js';
import { leavingDelays } from '../../src/stream/leaving.js';
import { FakeBus } from '../live/fake-bus.js';
import { NO_AUDIENCES } from '../support/no-audiences.js';
import { NO_TICKETS } from '../support/no-tickets.js';
import { propertyOptions } from '../support/property.js';
import { STREAM_OPTIONS } from './model-client.js';
import { ModelLog } from './model-log.js';

const MOST_A_SECOND = 500;

/** The largest number of clients that return within one second. */
function mostInASecond(delays: readonly number[]): number {
  const sorted = [...delays].sort((a, b) => a - b);
  let most = 0;
  for (let first = 0, next = 0; next < sorted.length; next += 1) {
    while (sorted[next]! - sorted[first]! >= 1_000) first += 1;
    most = Math.max(most, next - first + 1);
  }
  return most;
}

describe('The delays of streams that are told to leave at once', () => {
  it('bring back few a second, none at once, and none later than that takes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 20_000 }),
        fc.integer({ min: 1, max: 60_000 }),
        (streams, retryMs) => {
          const delays = leavingDelays(streams, retryMs);
          expect(delays).toHaveLength(streams);
          // One more on either side: each has a part of the time, and the second need not begin with one.
          expect(mostInASecond(delays)).toBeLessThanOrEqual(MOST_A_SECOND + 2);
          const spreadMs = Math.max(retryMs, (streams * 1_000) / MOST_A_SECOND);
          const [least, most] = [Math.floor(retryMs / 2), retryMs / 2 + spreadMs];
          const wrong = delays.filter((ms) => !(Number.isInteger(ms) && ms >= least && ms <= most));
          expect(wrong).toEqual([]);
        },
      ),
      propertyOptions(60),
    );
  });

  it('stay within a half of retryMs where few leave', () => {
    const delays = leavingDelays(1_000, 2_000);
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...delays)).toBeLessThanOrEqual(3_000);
  });
});

describe('An instance that shuts down', () => {
  const hubs: LiveFeedsHub[] = [];
  afterEach(() => hubs.splice(0).forEach((hub) => hub.close()));

  it('tells its streams to return one after the other', async () => {
    const log = Object.assign(new ModelLog(), { prompt: true });
    const hub = new LiveFeedsHub(new FakeBus(), log, { headCheckMs: 60_000 });
    hubs.push(hub);
    const streams = new FeedStreams({
      reader: log,
      live: hub,
      audiences: NO_AUDIENCES,
      tickets: NO_TICKETS,
      metrics: NO_METRICS,
      options: { ...STREAM_OPTIONS, retryMs: 2_000, maxPerRecipient: null },
    });
    const outlet = {
      whenWritable: (callback: () => void) => callback(),
      batch: (emit: () => void) => emit(),
      bytesTaken: () => 0,
      destroy: () => {},
    };
    const last: Frame[] = [];
    for (let nth = 0; nth < 2_000; nth += 1) {
      streams
        .open({
          feed: { tenant: '', recipient: `recipient-${nth}` },
          outlet,
          position: { kind: 'live' },
          lastEventId: '',
          expiresAt: null,
          eventName: 'type',
        })
        .subscribe((frame) => (last[nth] = frame));
    }
    await streams.drain();
    expect(last).toHaveLength(2_000);
    const delays = last.map(({ data, retry }) => {
      const frame = JSON.parse(data!) as { reason: string; retryInMs: number };
      expect(frame).toMatchObject({ reason: 'draining', retryInMs: retry });
      return frame.retryInMs;
    });
    expect(mostInASecond(delays)).toBeLessThanOrEqual(MOST_A_SECOND + 2);
    // Over 4 s instead of 2.
    expect(Math.max(...delays)).toBeGreaterThan(4_900);
  });
});
