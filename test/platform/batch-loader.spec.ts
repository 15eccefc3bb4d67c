import { expect, it } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { BatchLoader } from '../../src/platform/batch-loader.js';
import { currentCall, inCall } from '../../src/platform/call-context.js';

it.each([
  ['at the end of a turn', 0],
  ['after the spacing', 20],
])('loads %s outside of the calls that share the load', async (_when, spacingMs) => {
  const active = new AsyncLocalStorage<string>();
  const context = (): unknown[] => [currentCall()?.requestId, active.getStore()];
  const loads: unknown[] = [];
  const loader = new BatchLoader<string, string>(
    (keys) => {
      loads.push([...keys, ...context()]);
      return Promise.resolve(keys);
    },
    { maxBatch: 2, maxConcurrent: 1, spacingMs },
  );
  const request = (id: string): Promise<unknown[]> =>
    inCall({ requestId: id }, () =>
      active.run(`span of ${id}`, async () => [await loader.load(id), ...context()]),
    );
  const first = await request('r0');
  const others = await Promise.all(['r1', 'r2', 'r3'].map(request));
  expect([first, ...others]).toEqual(['r0', 'r1', 'r2', 'r3'].map((id) => [id, id, `span of ${id}`]));
  expect(loads).toEqual([
    ['r0', undefined, undefined],
    ['r1', 'r2', undefined, undefined],
    ['r3', undefined, undefined],
  ]);
});
