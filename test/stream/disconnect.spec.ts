import { afterEach, describe, expect, it } from '@jest/globals';
import { NO_METRICS } from '../../src/contract/ports/metrics.js';
import type { Frame } from '../../src/contract/ports/stream.js';
import { LiveFeedsHub } from '../../src/live/live-feeds.js';
import { FeedStreams } from '../../src/stream/feed-streams.js';
import { eventually } from '../support/eventually.js';
import { NO_AUDIENCES } from '../support/no-audiences.js';
import { NO_TICKETS } from '../support/no-tickets.js';
import { FakeBus } from '../live/fake-bus.js';
import { STREAM_OPTIONS } from './model-client.js';
import { FEED, ModelLog } from './model-log.js';

const OTHER = { tenant: '', recipient: 'somebody else' };
/** An outlet that always has room. */
const outlet = {
  whenWritable: (callback: () => void) => callback(),
  batch: (emit: () => void) => emit(),
  bytesTaken: () => 0,
  destroy: () => {},
};

describe('Streams of a feed that is disconnected', () => {
  const hubs: LiveFeedsHub[] = [];
  afterEach(() => hubs.splice(0).forEach((hub) => hub.close()));

  const log = Object.assign(new ModelLog(), { prompt: true });
  const instance = (bus: FakeBus, headCheckMs = 60_000): FeedStreams => {
    const hub = new LiveFeedsHub(bus, log, { headCheckMs });
    hubs.push(hub);
    return new FeedStreams({
      reader: log,
      live: hub,
      audiences: NO_AUDIENCES,
      tickets: NO_TICKETS,
      metrics: NO_METRICS,
      options: STREAM_OPTIONS,
    });
  };
  const open = async (streams: FeedStreams, feed = FEED): Promise<Frame[]> => {
    const frames: Frame[] = [];
    const request = {
      position: { kind: 'live' },
      lastEventId: '',
      expiresAt: null,
      eventName: 'type',
    } as const;
    streams.open({ ...request, feed, outlet }).subscribe((frame) => frames.push(frame));
    await eventually(() => frames.length > 0);
    return frames;
  };
  const last = (frames: Frame[]): unknown => JSON.parse(frames.at(-1)!.data!);
  const revoked = { type: 'feed.closing', reason: 'revoked', retryInMs: expect.any(Number) };

  it('end on this instance and on the others, while those of other feeds continue', async () => {
    const bus = new FakeBus();
    const [here, there] = [instance(bus), instance(bus)];
    const ended = [await open(here), await open(here), await open(there)];
    const spared = [await open(here, OTHER), await open(there, OTHER)];
    here.disconnect([FEED, { tenant: 'acme', recipient: FEED.recipient }]);
    for (const frames of ended) {
      expect(last(frames)).toEqual(revoked);
      expect(frames.at(-1)!.id).toBe(frames[0]!.id);
    }
    for (const frames of spared) expect(last(frames)).toMatchObject({ type: 'feed.ready' });
    await here.drain();
    await there.drain();
  });

  it('end here at once, also while the bus is unavailable', async () => {
    const bus = Object.assign(new FakeBus(), { disconnect: () => {} });
    const streams = instance(bus);
    const frames = await open(streams);
    streams.disconnect([FEED]);
    expect(last(frames)).toEqual(revoked);
  });

  it('end by themselves when the feed is gone and the bus has lost the message', async () => {
    const frames = await open(instance(new FakeBus(), 20));
    log.erase();
    await eventually(() => expect(last(frames)).toEqual(revoked));
  });
});
