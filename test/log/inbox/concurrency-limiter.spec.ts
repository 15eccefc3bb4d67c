import { describe, expect, it } from '@jest/globals';
import { ConcurrencyLimiter } from '../../../src/log/inbox/concurrency-limiter.js';

/** A call that lasts until the test ends it. */
function call(): { run: () => Promise<string>; end: (error?: Error) => void; begun: boolean } {
  let settle: (error?: Error) => void = () => {};
  const ended = new Promise<string>((resolve, reject) => {
    settle = (error) => (error ? reject(error) : resolve('done'));
  });
  const made = {
    begun: false,
    run: () => {
      made.begun = true;
      return ended;
    },
    end: (error?: Error) => settle(error),
  };
  return made;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('ConcurrencyLimiter', () => {
  it('runs a limited number at a time, in their order, also past those that fail', async () => {
    const limiter = new ConcurrencyLimiter(2, 60_000);
    const calls = Array.from({ length: 4 }, call);
    const results = calls.map(({ run }) => limiter.run(run));
    const begun = (): boolean[] => calls.map((each) => each.begun);
    expect(begun()).toEqual([true, true, false, false]);
    calls[1]!.end(new Error('broken'));
    await expect(results[1]).rejects.toThrow('broken');
    await turn();
    expect(begun()).toEqual([true, true, true, false]);
    calls[0]!.end();
    await turn();
    expect(begun()).toEqual([true, true, true, true]);
    calls[2]!.end();
    calls[3]!.end();
    expect(await Promise.all([results[0], results[2], results[3]])).toEqual(['done', 'done', 'done']);
    // All have left: there is room for as many again.
    const later = [call(), call()];
    const ends = later.map(({ run }) => limiter.run(run));
    expect(later.map((each) => each.begun)).toEqual([true, true]);
    for (const { end } of later) end();
    await Promise.all(ends);
  });

  it('rejects those that waited too long, without running them, and continues with the next', async () => {
    const limiter = new ConcurrencyLimiter(1, 50);
    const [first, late, next] = [call(), call(), call()];
    const held = limiter.run(first.run);
    const refused = limiter.run(late.run);
    // Over the patience by the clock that is asked, not by a timer that may come early.
    for (const since = performance.now(); performance.now() - since <= 55;) await turn();
    const fresh = limiter.run(next.run);
    first.end();
    await held;
    await expect(refused).rejects.toMatchObject({ code: 'log-unavailable' });
    await turn();
    expect([late.begun, next.begun]).toEqual([false, true]);
    next.end();
    expect(await fresh).toBe('done');
  });
});
