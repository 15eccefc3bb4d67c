import fc from 'fast-check';

/** A request over HTTP. */
export interface HttpInput {
  readonly kind: 'http';
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** A job that is put on the queue by hand. */
export interface JobInput {
  readonly kind: 'job';
  readonly name: string;
  readonly data: unknown;
}

/** A message between tabs. */
export interface MessageInput {
  readonly kind: 'message';
  readonly data: unknown;
}

export type Input = HttpInput | JobInput | MessageInput;

/** The credentials that requests may carry. */
export interface Credentials {
  readonly tokens: readonly string[];
  /** Of a producer, of support and of an admin. */
  readonly keys: readonly string[];
}

const NASTY = fc.constantFrom(
  ...['', '0', '-1', '1e400', 'null', '[object Object]', '__proto__', 'constructor', 'toString', 'feed.read'],
  ...[
    '\u0000',
    '\ud800',
    '\u202e',
    '\u2028',
    "'; DROP TABLE feed; --",
    '${7*7}',
    '../../etc/passwd',
    '%00',
    '%ff',
  ],
  ...['a'.repeat(257), '9'.repeat(400), '😀'.repeat(128), 'x-9007199254740993', '275760-09-13T00:00:00.000Z'],
);
const text = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 40 }) },
  fc.string({ unit: 'binary', maxLength: 40 }),
  NASTY,
);
const junk = fc.oneof(
  text,
  fc.anything({ withNullPrototype: false, maxDepth: 3 }),
  fc.jsonValue({ maxDepth: 4 }),
);
/** A value that is right nineteen times out of twenty, or anything: a notification has many parts, and most should get past the first check. */
const mostly = <T>(right: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 19, arbitrary: right }, junk);

const name = fc.constantFrom('ada', 'bob', 'cleo', 'dan');
const time = fc
  .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
  .map((date) => date.toISOString());
const cursor = fc.oneof(
  fc.constant('0'),
  fc.tuple(fc.string({ maxLength: 12 }), fc.nat()).map(([epoch, seq]) => `${epoch}-${seq}`),
);
const id = fc.uuid();

const typed = fc.oneof(
  fc.record({ type: fc.constant('task-completed'), data: fc.record({ taskId: text, title: text, status: mostly(fc.constantFrom('succeeded', 'failed')), durationMs: mostly(fc.nat()), resultUrl: mostly(fc.webUrl()) }, { requiredKeys: [] }) }), // prettier-ignore
  fc.record({ type: fc.constant('announcement'), data: fc.record({ title: text, body: mostly(text), link: mostly(fc.constant('/a')) }, { requiredKeys: [] }) }), // prettier-ignore
  fc.record({ type: mostly(fc.constant('new-order')), data: junk }),
);
const notification = fc
  .tuple(
    typed,
    fc.record(
      {
        to: mostly(fc.oneof(name, fc.array(name, { maxLength: 5 }), fc.constant({ audience: 'all' }))),
        tenant: mostly(fc.constantFrom('', 'acme')),
        dedupeKey: mostly(text),
        deliverAt: mostly(time),
        expiresAt: mostly(time),
        collapseKey: mostly(text),
        version: mostly(fc.nat()),
      },
      { requiredKeys: ['to'] },
    ),
  )
  .chain(([one, more]) =>
    fc.oneof(
      { weight: 9, arbitrary: fc.constant({ ...one, ...more }) },
      fc
        .dictionary(fc.oneof(fc.constantFrom('sender', 'withdrawn', '__proto__'), text), junk)
        .map((odd) => ({ ...one, ...more, ...odd })),
    ),
  );

/** What is large takes long to make, so it is made once and cut to size. */
const large = fc
  .tuple(
    fc.constantFrom('fields', 'depth', 'list', 'text', 'recipients', 'keys'),
    fc.integer({ min: 1, max: 60_000 }),
  )
  .map(([what, size]): string => {
    if (what === 'depth') return `${'['.repeat(size)}${']'.repeat(size)}`;
    if (what === 'text')
      return JSON.stringify({ type: 'announcement', to: 'ada', data: { title: 'x'.repeat(size) } });
    if (what === 'list') return JSON.stringify(Array.from({ length: Math.min(size, 20_000) }, () => ({})));
    if (what === 'recipients')
      return JSON.stringify({
        type: 'announcement',
        to: numbered(Math.min(size, 20_000)),
        data: { title: 'x' },
      });
    const fields = Object.fromEntries(numbered(size).map((field) => [field, 0]));
    return JSON.stringify(what === 'keys' ? { type: 'announcement', to: 'ada', data: fields } : fields);
  });
const numbered = (count: number): string[] => Array.from({ length: count }, (_, n) => `n${n}`);

const BODIES = {
  notification: fc.oneof(
    { weight: 4, arbitrary: notification },
    { weight: 1, arbitrary: fc.array(notification, { maxLength: 4 }) },
  ),
  change: fc.record(
    { ids: mostly(fc.array(id, { maxLength: 20 })), upTo: mostly(cursor) },
    { requiredKeys: [] },
  ),
  recall: fc.record(
    { to: mostly(name), dedupeKey: mostly(text), sender: mostly(name) },
    { requiredKeys: ['to', 'dedupeKey'] },
  ),
  preferences: fc.record({ muted: mostly(fc.array(text)) }),
};
const oddBody = fc.oneof(
  ...Object.values(BODIES).map((arbitrary) => arbitrary.map(json)),
  junk.map(json),
  text,
  notification.map((one) => json(one).slice(0, -3)),
);
/** The right body for the route, most of the time. Rarely a large one: a server needs milliseconds for it, and so do we. */
const bodyOf = (right: fc.Arbitrary<unknown> | null): fc.Arbitrary<string | null> =>
  fc.oneof(
    { weight: 160, arbitrary: right ? right.map(json) : fc.constant(null) },
    { weight: 40, arbitrary: oddBody },
    { weight: 1, arbitrary: large },
  );

const segment = fc.oneof(name, id, text).map(encoded);
const at = (before: string, after = ''): fc.Arbitrary<string> => segment.map((one) => before + one + after);
const fixed = (path: string): fc.Arbitrary<string> => fc.constant(path);

/** Who may use a route. */
type Audience = 'recipient' | 'producer' | 'support' | 'admin' | 'nobody';

interface Route {
  readonly method: string;
  readonly path: fc.Arbitrary<string>;
  readonly audience: Audience;
  readonly body: fc.Arbitrary<unknown> | null;
}

const route = (
  method: string,
  path: fc.Arbitrary<string>,
  audience: Audience,
  body: fc.Arbitrary<unknown> | null = null,
): Route => ({ method, path, audience, body });

/** The routes of the service. What most matters stands twice. */
const ROUTES: readonly Route[] = [
  route('POST', fixed('/v1/notifications'), 'producer', BODIES.notification),
  route('POST', fixed('/v1/notifications'), 'producer', BODIES.notification),
  route('POST', fixed('/v1/notifications/recall'), 'producer', BODIES.recall),
  route('DELETE', at('/v1/jobs/'), 'producer'),
  route('GET', fixed('/v1/stream'), 'recipient'),
  route('GET', fixed('/v1/notifications'), 'recipient'),
  route('GET', fixed('/v1/notifications'), 'recipient'),
  route('GET', fixed('/v1/notifications/count'), 'recipient'),
  ...['read', 'unread', 'seen', 'archive', 'unarchive'].map((change) =>
    route('POST', fixed(`/v1/notifications/${change}`), 'recipient', BODIES.change),
  ),
  route('DELETE', at('/v1/notifications/'), 'recipient'),
  route('GET', fixed('/v1/preferences'), 'recipient'),
  route('PUT', fixed('/v1/preferences'), 'recipient', BODIES.preferences),
  route('GET', at('/v1/feeds/', '/notifications'), 'support'),
  route('DELETE', at('/v1/feeds/'), 'admin'),
  route('DELETE', fixed('/v1/feeds'), 'admin'),
  route('POST', at('/v1/feeds/', '/disconnect'), 'admin'),
  ...['/healthz', '/readyz', '/docs', '/metrics', '/'].map((path) => route('GET', fixed(path), 'nobody')),
  route('GET', at('/v1/'), 'nobody'),
];
const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'];

const parameter = fc.tuple(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        'limit',
        'before',
        'unread',
        'archived',
        'type',
        'tenant',
        'lastEventId',
        'as',
      ),
    },
    text,
  ),
  fc.oneof(text, cursor, fc.nat().map(String), fc.constantFrom('true', 'false', 'message', 'acme')),
);
const query = fc
  .array(parameter, { maxLength: 4 })
  .map((pairs) =>
    pairs.length === 0
      ? ''
      : `?${pairs.map(([key, value]) => `${encoded(key)}=${encoded(value)}`).join('&')}`,
  );
/** What HTTP allows in a header; the parser of Node refuses the rest. */
const headerValue = fc
  .oneof(text, cursor)
  .map((value) => value.replace(/[^\t\x20-\x7e\x80-\xff]/g, '?').trim());
const header = fc.tuple(
  fc.constantFrom('last-event-id', 'idempotency-key', 'origin', 'cookie', 'sec-fetch-site', 'accept', 'content-type', 'content-encoding', 'x-forwarded-for', 'accept-language', 'if-none-match', 'range', 'host', 'authorization', 'x-api-key'), // prettier-ignore
  headerValue,
);

/** Requests, jobs and messages, mixed as `npm run fuzz` runs them. */
export function inputs({ tokens, keys }: Credentials): fc.Arbitrary<Input> {
  const [producer, support, admin] = keys.map((key) => ({ 'x-api-key': key }));
  const recipient = fc.constantFrom(...tokens).map((token) => ({ authorization: `Bearer ${token}` }));
  const credentials = {
    recipient,
    producer: fc.constant(producer!),
    support: fc.constant(support!),
    admin: fc.constant(admin!),
    nobody: fc.constant({}),
  };
  const anyone = fc.oneof(
    ...Object.values(credentials),
    headerValue.map((value) => ({ authorization: `Bearer ${value}` })),
  );
  const http = fc.constantFrom(...ROUTES).chain((one) =>
    fc
      .record({
        method: fc.oneof(
          { weight: 19, arbitrary: fc.constant(one.method) },
          { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
        ),
        path: one.path,
        query: fc.oneof({ weight: 2, arbitrary: fc.constant('') }, query),
        credential: fc.oneof({ weight: 9, arbitrary: credentials[one.audience] }, anyone),
        more: fc.oneof(fc.constant([]), fc.array(header, { maxLength: 3 })),
        body: bodyOf(one.body),
      })
      .map(({ method, path, query, credential, more, body }): HttpInput => ({
        kind: 'http',
        method,
        path: path + query,
        headers: { 'content-type': 'application/json', ...credential, ...Object.fromEntries(more) },
        body: method === 'GET' || method === 'HEAD' ? null : body,
      })),
  );
  const job = fc
    .tuple(mostly(notification), mostly(fc.constantFrom('announcement', 'task-completed', 'new-order')))
    .map(([data, name]): JobInput => ({ kind: 'job', name: String(name).slice(0, 300), data: plain(data) }));
  const message = fc
    .record(
      {
        kind: mostly(fc.constantFrom('hello', 'begins', 'frame', 'status', 'reset', 'vacant', 'signed-out')),
        seq: mostly(fc.nat()),
        wake: junk,
        isHidden: junk,
        status: mostly(
          fc.record({ state: mostly(fc.constantFrom('live', 'offline')), retryAt: mostly(fc.nat()) }),
        ),
        frame: junk,
        relayed: mostly(
          fc.record({
            before: mostly(fc.nat()),
            after: mostly(fc.nat()),
            frame: mostly(fc.record({ event: text, id: cursor, data: fc.oneof(fc.json(), text) })),
          }),
        ),
      },
      { requiredKeys: [] },
    )
    .map((data): MessageInput => ({ kind: 'message', data }));
  return fc.oneof(
    { weight: 14, arbitrary: http },
    { weight: 1, arbitrary: job },
    { weight: 5, arbitrary: message },
  );
}

function encoded(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

function json(value: unknown): string {
  try {
    return JSON.stringify(value, (_key, one: unknown) => (typeof one === 'bigint' ? String(one) : one)) ?? '';
  } catch {
    return '{';
  }
}

function plain(value: unknown): unknown {
  try {
    return JSON.parse(json(value)) as unknown;
  } catch {
    return null;
  }
}
