/*
 * Prints the bytes of the heap that an idle feed holds: node --expose-gc idle-feeds.mjs DIST. In a process of its own and with the build's
 * code, because beside a test runner the heap changes for other reasons, and because a transpiler adds to every closure.
 */
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const [, , dist] = process.argv;
const { LiveFeedsHub } = await import(pathToFileURL(`${dist}/live/live-feeds.js`));

const FEEDS = 20_000;
/** Code that is compiled while the first feeds are watched is no feed's. */
const WARM_UP = 2_000;

/** It holds what the bus is given, and nothing of its own. */
const given = new Set();
const bus = {
  connected: true,
  subscribe: (_feed, announced, disconnected) => {
    const listener = [announced, disconnected];
    given.add(listener);
    return Promise.resolve(() => given.delete(listener));
  },
  onReconnect: () => () => {},
};
const hub = new LiveFeedsHub(bus, { heads: () => Promise.resolve([]) }, { headCheckMs: 3_600_000 });
const watches = new Set();

async function watch(id) {
  const feed = await hub.watch({ tenant: '', recipient: `user ${id}` }, () => {});
  feed.observe({ feedId: String(id), epoch: 'e1', head: 1, floor: 0 });
  watches.add(feed);
}

/** What one collection frees may free more. */
async function heapInUse() {
  for (let round = 0; round < 3; round += 1) {
    globalThis.gc();
    await setImmediate();
  }
  return process.memoryUsage().heapUsed;
}

for (let id = 0; id < WARM_UP; id += 1) await watch(id);
const before = await heapInUse();
for (let id = WARM_UP; id < WARM_UP + FEEDS; id += 1) await watch(id);
const bytes = (await heapInUse()) - before;
if (hub.size !== WARM_UP + FEEDS || watches.size !== hub.size || given.size !== hub.size) {
  throw new Error(`${hub.size} feeds are watched, ${watches.size} watches and ${given.size} listeners held`);
}
console.log(Math.round(bytes / FEEDS));
hub.close();
