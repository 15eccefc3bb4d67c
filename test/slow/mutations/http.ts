import type { Mutation } from './mutation.js';

const FRAMES = 'test/http/frame-encoder.property.spec.ts';
const CONTROLLER = 'src/http/routes/stream.controller.ts';
export const HTTP_MUTATIONS: readonly Mutation[] = [
  {
    name: 'query-before-header',
    breaks: 'The cursor in the URL wins over Last-Event-ID: a browser that reconnects gets everything again.',
    edits: [
      {
        file: 'src/http/request/stream-query.ts',
        find: "headerOf(request, 'last-event-id') || query.get('lastEventId')",
        replace: "query.get('lastEventId') || headerOf(request, 'last-event-id')",
      },
    ],
    caughtBy: [
      {
        file: 'test/guarantees/g3-nothing-lost.spec.ts',
        test: '(Postgres) takes the header before the query',
      },
      { file: 'test/http/stream.spec.ts' },
    ],
  },
  {
    name: 'recipient-from-a-parameter',
    breaks: "A parameter names another's feed (G8).",
    edits: [
      {
        file: CONTROLLER,
        find: '    const outlet = new ResponseOutlet(rawResponse(response));',
        replace: `    const outlet = new ResponseOutlet(rawResponse(response));
    const recipient = new URL(String(request.url), 'http://x').searchParams.get('recipient');
    if (recipient !== null) Object.assign(identity, { feed: { ...identity.feed, recipient } });`,
      },
    ],
    caughtBy: [
      {
        file: 'test/guarantees/g8-isolation.spec.ts',
        test: '(Postgres) accepts no parameter or header as the name of a feed',
      },
    ],
  },
  {
    name: 'full-socket-not-seen',
    breaks: 'A response that needs a drain counts as one that has room (G7).',
    edits: [
      {
        file: 'src/http/response/response-outlet.ts',
        find: '      else if (response.writableNeedDrain)\n        onceAny',
        replace: '      else if (response.writableNeedDrain && response.writableEnded)\n        onceAny',
      },
    ],
    caughtBy: [
      { file: 'test/http/response-outlet.spec.ts' },
      {
        file: 'test/guarantees/g7-bounded-memory.spec.ts',
        test: '(Postgres) holds one page for a reader',
      },
    ],
  },
  {
    name: 'line-break-in-an-id',
    breaks: 'A line break in a type or an id begins a field of its own, or a frame.',
    edits: [
      {
        file: 'src/http/response/event-stream.ts',
        find: "  return text.replace(/[\\r\\n]/g, '');",
        replace: '  return text;',
      },
    ],
    caughtBy: [{ file: FRAMES, test: 'one for one' }],
  },
  {
    name: 'carriage-return-in-data',
    breaks: 'A carriage return in data begins a field of its own: for the standard it ends a line, too.',
    edits: [
      {
        file: 'src/http/response/event-stream.ts',
        find: '.split(/\\r\\n|\\r|\\n/)',
        replace: ".split('\\n')",
      },
    ],
    caughtBy: [{ file: FRAMES, test: 'one for one' }],
  },
];
