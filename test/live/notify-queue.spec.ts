import { describe, expect, it } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import type { Announcement } from '../../src/contract/ports/live.js';
import { NO_METRICS } from '../../src/contract/ports/metrics.js';
import { FEED_HASH_LENGTH, feedHash } from '../../src/live/channel.js';
import { decodeMessage } from '../../src/live/message.js';
import { NotifyQueue } from '../../src/live/notify-queue.js';
import { currentCall, inCall } from '../../src/platform/call-context.js';
import { Outage } from '../../src/platform/logging/outage.js';
import { unpack } from '../../src/live/payload.js';

const announcement = (recipient: string, seq: number, json: string): Announcement => ({
  feed: { tenant: '', recipient },
  epoch: 'e1',
  seq,
  entry: { seq, type: 'note', json },
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('The queue of NOTIFYs', () => {
  it('stays bounded behind a statement that does not end, and then sends the newest head of each feed', async () => {
    const statements: string[] = [];
    let answer = (): void => {};
    let failed = 0;
    const queue = new NotifyQueue(
      (payloads) => {
        statements.push(...payloads);
        return new Promise<void>((resolve) => (answer = resolve));
      },
      new Outage(new Logger(), 'The test'),
      { ...NO_METRICS, busFailed: () => failed++ },
    );
    queue.announce([announcement('first', 1, '{}')]);
    await turn();
    statements.length = 0;

    const json = `{"x":"${'x'.repeat(4_000)}"}`;
    for (let seq = 1; seq <= 20; seq++) {
      for (let user = 0; user < 1_000; user++) queue.announce([announcement(`user ${user}`, seq, json)]);
    }
    for (let user = 0; user < 30_000; user++) queue.announce([announcement(`other ${user}`, 1, json)]);
    expect(statements).toEqual([]);
    answer();
    await turn();

    // 2 MiB of entries and 20,000 heads, of the 200 MB that were announced.
    expect(statements.reduce((sum, payload) => sum + payload.length, 0)).toBeLessThan(4 * 1024 * 1024);
    expect(failed).toBe(11_000);
    const heads = new Map<string, number>();
    for (const message of statements.flatMap(unpack)) {
      const told = decodeMessage(message.slice(FEED_HASH_LENGTH));
      heads.set(message.slice(0, FEED_HASH_LENGTH), typeof told === 'object' ? (told?.seq ?? 0) : 0);
    }
    for (let user = 0; user < 1_000; user++) {
      expect(heads.get(feedHash({ tenant: '', recipient: `user ${user}` }))).toBe(20);
    }
    answer();
    await queue.flush(1_000);
  });

  it('sends outside of the calls whose messages share a statement', async () => {
    const span = new AsyncLocalStorage<string>();
    const contexts: unknown[] = [];
    const queue = new NotifyQueue(
      (payloads) => {
        contexts.push([payloads.flatMap(unpack).length, currentCall(), span.getStore()]);
        return Promise.resolve();
      },
      new Outage(new Logger(), 'The test'),
      NO_METRICS,
    );
    for (const requestId of ['r1', 'r2']) {
      inCall({ requestId }, () =>
        span.run(`of ${requestId}`, () => queue.announce([announcement(requestId, 1, '{}')])),
      );
    }
    await queue.flush(30_000);
    expect(contexts).toEqual([[2, undefined, undefined]]);
  });

  it('sends what gathered during one statement with the next one', async () => {
    const statements: number[] = [];
    const answers: (() => void)[] = [];
    const queue = new NotifyQueue(
      (payloads) => {
        statements.push(payloads.flatMap(unpack).length);
        return new Promise<void>((resolve) => answers.push(resolve));
      },
      new Outage(new Logger(), 'The test'),
      NO_METRICS,
    );
    for (let seq = 1; seq <= 3; seq++) queue.announce([announcement('ada', seq, '{}')]);
    await turn();
    for (let seq = 4; seq <= 103; seq++) queue.announce([announcement('ada', seq, '{}')]);
    answers.shift()?.();
    await turn();
    expect(statements).toEqual([3, 100]);
    answers.shift()?.();
    await queue.flush(1_000);
  });
});
