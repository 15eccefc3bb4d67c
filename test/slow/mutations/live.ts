import type { Mutation } from './mutation.js';

const CURSOR_LOOP = 'test/stream/cursor-loop.property.spec.ts';
const LIVE_FEEDS = 'test/live/live-feeds.spec.ts';

export const LIVE_MUTATIONS: readonly Mutation[] = [
  {
    name: 'live-before-replay',
    breaks: 'What the bus brought is written although what comes before it is still to be replayed.',
    edits: [
      {
        file: 'src/live/recent-entries.ts',
        find: '    let entry = this.bySeq.get(after + 1);',
        replace:
          '    let entry = this.bySeq.get(after + 1) ?? [...this.bySeq.values()].find(({ seq }) => seq > after);',
      },
    ],
    caughtBy: [{ file: CURSOR_LOOP }, { file: LIVE_FEEDS, test: 'are not returned over a hole' }],
  },
  {
    name: 'epoch-not-compared',
    breaks: 'A message of another epoch counts as one of this: foreign entries are shown under our cursors.',
    edits: [
      {
        file: 'src/live/feed-cache.ts',
        find: '    if (epoch !== this.epoch) return this.doubt();\n    if (entry',
        replace: '    if (entry',
      },
    ],
    caughtBy: [
      { file: CURSOR_LOOP },
      { file: 'test/live/live-feeds.property.spec.ts' },
      { file: LIVE_FEEDS, test: 'end an announcement of another epoch' },
    ],
  },
  {
    name: 'epoch-not-compared-on-read',
    breaks: 'A read that finds another epoch leaves the memory of the former one in place.',
    edits: [
      {
        file: 'src/live/feed-cache.ts',
        find: '      this.begin(epoch, head, now);\n      return true;',
        replace: '      return true;',
      },
    ],
    caughtBy: [{ file: CURSOR_LOOP }, { file: 'test/live/live-feeds.property.spec.ts' }],
  },
  {
    name: 'no-check-of-heads',
    breaks: 'A lost last message is never noticed, because nothing compares the heads.',
    edits: [
      {
        file: 'src/live/live-feeds.ts',
        find: '      await this.heads.run(this.feeds.values());',
        replace: '      await Promise.resolve();',
      },
    ],
    caughtBy: [
      { file: LIVE_FEEDS, test: 'finds a lost last message' },
      {
        file: 'test/guarantees/g3-nothing-lost.spec.ts',
        test: '(Postgres) notices by the check of heads that the last message was lost',
      },
    ],
  },
  {
    name: 'head-read-before-the-subscription',
    breaks:
      'A stream that began without the acknowledgement of the bus is not told when it comes, and misses what came between.',
    edits: [
      {
        file: 'src/live/watched-feed.ts',
        find: "    if (this.subscription !== 'subscribed') this.joinedUnacknowledged = true;",
        replace: '',
      },
    ],
    caughtBy: [{ file: LIVE_FEEDS, test: 'begins while the bus is unavailable' }],
  },
  {
    name: 'line-break-over-the-bus',
    breaks: 'Whoever reaches the bus can write fields of their own into the stream of a client.',
    edits: [
      {
        file: 'src/live/message.ts',
        find: "&& !json.includes('\\n') && !json.includes('\\r')",
        replace: '',
      },
    ],
    caughtBy: [{ file: 'test/live/live-message.spec.ts' }],
  },
  {
    name: 'memory-over-a-page',
    breaks: 'More entries are given out of memory at once than a page has bytes (G7).',
    edits: [
      {
        file: 'src/live/recent-entries.ts',
        find: 'const MAX_CHARACTERS = 80 * 1024;',
        replace: 'const MAX_CHARACTERS = 128 * 1024;',
      },
    ],
    caughtBy: [{ file: LIVE_FEEDS, test: 'never exceed the bytes of a page at once' }],
  },
];
