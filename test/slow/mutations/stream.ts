import type { Mutation } from './mutation.js';

const CURSOR_LOOP = 'test/stream/cursor-loop.property.spec.ts';
const CONNECTION = 'src/stream/connection.ts';
const POSITION = 'src/stream/position.ts';
const G6 = 'test/guarantees/g6-gaps-are-reported.spec.ts';

export const STREAM_MUTATIONS: readonly Mutation[] = [
  {
    name: 'no-healing',
    breaks: 'A connection that was at the head does not read the log when the bus lost a message.',
    edits: [
      {
        file: CONNECTION,
        find: '    } else if (watch.behind(this.epoch, this.seq)) {',
        replace: '    } else if (!this.caughtUp && watch.behind(this.epoch, this.seq)) {',
      },
    ],
    caughtBy: [
      { file: CURSOR_LOOP },
      { file: 'test/guarantees/g3-nothing-lost.spec.ts', test: '(Postgres) heals from the log' },
    ],
  },
  {
    name: 'error-frame-left-to-nest',
    breaks:
      'The Observable fails where a control frame should say why: what is written then is left to Nest, or to nobody.',
    edits: [
      {
        file: CONNECTION,
        find: "      // The port has reported it, once per outage. The client reconnects by itself.\n      void this.close('unavailable');",
        replace: "      this.subscriber.error(new Error('unavailable'));",
      },
    ],
    caughtBy: [{ file: CURSOR_LOOP }, { file: G6, test: 'an outage of the database when a stream begins' }],
  },
  {
    name: 'stream-ended-in-an-outage',
    breaks: 'An open stream waits for ever after a read of the log that failed.',
    edits: [
      {
        file: CONNECTION,
        find: '      if (!this.isClosed()) this.retryRead();',
        replace: "      if (!this.isClosed()) this.state = 'retrying';",
      },
    ],
    caughtBy: [{ file: CURSOR_LOOP }],
  },
  {
    name: 'pull-while-the-socket-is-full',
    breaks: 'The next page is pulled although the socket is full, and Nest queues it in memory (G7).',
    edits: [
      {
        file: CONNECTION,
        find: '    outlet.whenWritable(() => {\n      if (this.state',
        replace: '    queueMicrotask(() => {\n      if (this.state',
      },
    ],
    caughtBy: [
      { file: CURSOR_LOOP },
      {
        file: 'test/guarantees/g7-bounded-memory.spec.ts',
        test: '(Postgres) holds one page for a reader',
      },
    ],
  },
  {
    name: 'stalled-reader-kept',
    breaks: 'A reader that takes nothing is kept for ever (G7).',
    edits: [
      {
        file: CONNECTION,
        find: 'now - this.progress.at >= this.ports.options.stalledAfterMs',
        replace: 'now - this.progress.at >= Infinity',
      },
    ],
    caughtBy: [
      { file: CURSOR_LOOP },
      {
        file: 'test/guarantees/g7-bounded-memory.spec.ts',
        test: '(Postgres) holds one page for a reader',
      },
    ],
  },
  {
    name: 'slow-reader-ended',
    breaks: 'A reader is ended for being slow, although it takes something now and then.',
    edits: [
      {
        file: CONNECTION,
        find: '    if (bytes !== this.progress.bytes) {',
        replace: '    if (this.progress.bytes === -1) {',
      },
    ],
    caughtBy: [{ file: CURSOR_LOOP }],
  },
  {
    name: 'cursor-behind-the-page',
    breaks: 'The cursor moves by one entry where a page was written, so that the others come again (G4).',
    edits: [
      {
        file: CONNECTION,
        find: '    this.seq = entries.at(-1)!.seq;',
        replace: '    this.seq = entries[0]!.seq;',
      },
    ],
    caughtBy: [{ file: CURSOR_LOOP }],
  },
  {
    name: 'cursor-ahead-of-the-page',
    breaks:
      'The cursor jumps to the head that the page told, over the entries that it did not have room for (G3).',
    edits: [
      {
        file: CONNECTION,
        find: "        this.writeEntries(page.entries, 'log');",
        replace: "        this.writeEntries(page.entries, 'log');\n        this.seq = page.head;",
      },
    ],
    caughtBy: [{ file: CURSOR_LOOP }],
  },
  {
    name: 'silent-end-of-a-page',
    breaks: 'A page that ends in entries that are not shown any more moves no client past them.',
    edits: [
      {
        file: CONNECTION,
        find: '      else if (index < entries.length - 1) continue;',
        replace: '      else continue;',
      },
    ],
    caughtBy: [{ file: CURSOR_LOOP }],
  },
  {
    name: 'closing-without-an-id',
    breaks:
      'The last frame has no id: a writer such as that of Nest invents one, and the client comes back with it.',
    edits: [
      {
        file: 'src/stream/frames.ts',
        find: '    id,\n    retry: retryInMs,',
        replace: '    retry: retryInMs,',
      },
    ],
    caughtBy: [{ file: CURSOR_LOOP }, { file: G6, test: 'an outage of the database when a stream begins' }],
  },
  {
    name: 'outlives-its-credential',
    breaks: 'A stream goes on after its credential has expired (G8).',
    edits: [
      {
        file: CONNECTION,
        find: '    if (expiresAt) this.cancelExpiry = atTime(',
        replace: '    if (expiresAt && Date.now() < 0) this.cancelExpiry = atTime(',
      },
    ],
    caughtBy: [{ file: CURSOR_LOOP }],
  },
  {
    name: 'expired-not-said',
    breaks: 'A cursor whose entries were trimmed goes on at the oldest kept one without a word (G6).',
    edits: [{ file: POSITION, find: "  if (seq < feed.floor) return 'expired';\n", replace: '' }],
    caughtBy: [{ file: CURSOR_LOOP }, { file: G6, test: '(Postgres) reports expired in mid-stream' }],
  },
  {
    name: 'ahead-not-said',
    breaks: 'A cursor ahead of a restored log waits in silence until the log has overtaken it (G6).',
    edits: [{ file: POSITION, find: "  if (seq > feed.head) return 'ahead';\n", replace: '' }],
    caughtBy: [
      { file: CURSOR_LOOP },
      { file: G6, test: '(Postgres) reports malformed, epoch, ahead and expired' },
    ],
  },
  {
    name: 'epoch-not-said',
    breaks: 'A cursor of another epoch is taken for one of this, by its number alone (G6).',
    edits: [{ file: POSITION, find: "  if (epoch !== feed.epoch) return 'epoch';\n", replace: '' }],
    caughtBy: [
      { file: CURSOR_LOOP },
      { file: G6, test: '(Postgres) reports malformed, epoch, ahead and expired' },
    ],
  },
];
