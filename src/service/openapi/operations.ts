import type { ErrorCode } from '../../contract/errors.js';
import { ref, type Schema } from './schemas.js';

/** Who may call a route. */
export type Caller = 'recipient' | 'producer' | 'support' | 'admin' | 'anyone';

/** What a route takes and answers, beside what its decorators say. */
export interface Operation {
  readonly summary: string;
  readonly caller: Caller;
  readonly query?: Readonly<Record<string, Schema>>;
  readonly headers?: Readonly<Record<string, Schema>>;
  readonly body?: Schema;
  /** The answer if all is well: 200 unless said otherwise. */
  readonly status?: number;
  readonly answer: Schema;
  readonly mediaType?: string;
  /** Answers with the same body but another status. */
  readonly otherStatus?: number;
  readonly problems?: readonly ErrorCode[];
}

const RECIPIENT: readonly ErrorCode[] = [
  ...(['invalid-request', 'unauthenticated', 'origin-not-allowed'] as const),
  ...(['log-unavailable', 'key-server-unavailable', 'internal'] as const),
];
const BODY: readonly ErrorCode[] = ['too-large', 'unsupported-media-type'];
const KEY: readonly ErrorCode[] = ['invalid-request', 'unauthenticated', 'forbidden', 'internal'];

const flag: Schema = { type: 'boolean' };
const PAGE_QUERY: Readonly<Record<string, Schema>> = {
  limit: { type: 'integer', minimum: 1, maximum: 100, default: 25 },
  before: { type: 'string', description: 'The `next` of the page before.' },
  unread: flag,
  archived: { ...flag, default: false },
  type: { type: 'string' },
};
const TENANT: Schema = { type: 'string', maxLength: 256, default: '' };

const change = (summary: string, body: Schema, more: readonly ErrorCode[] = ['not-found']): Operation => ({
  summary,
  caller: 'recipient',
  body,
  answer: ref('Counts'),
  problems: [...RECIPIENT, ...BODY, ...more, 'feed-busy'],
});

/** Every route, by the names of its controller and method. */
export const OPERATIONS: Readonly<Record<string, Readonly<Record<string, Operation>>>> = {
  StreamController: {
    stream: {
      summary: 'The feed, live: Server-Sent Events (docs/asyncapi.yaml has the frames)',
      caller: 'recipient',
      query: {
        lastEventId: { type: 'string', description: 'A cursor, or 0 for the oldest kept entry.' },
        as: { const: 'message', description: 'Notifications as the default `message` event.' },
      },
      headers: { 'Last-Event-ID': { type: 'string', description: 'As `lastEventId`, and wins.' } },
      answer: { type: 'string' },
      mediaType: 'text/event-stream',
      problems: ['invalid-request', 'unauthenticated', 'origin-not-allowed'],
    },
  },
  InboxController: {
    page: {
      summary: 'A page, newest first',
      caller: 'recipient',
      query: PAGE_QUERY,
      answer: ref('Page'),
      problems: RECIPIENT,
    },
    count: {
      summary: 'What the bell shows',
      caller: 'recipient',
      answer: ref('Counts'),
      problems: RECIPIENT,
    },
  },
  ChangesController: {
    read: change('Mark as read', ref('IdsOrUpTo')),
    unread: change('Mark as unread', ref('Ids')),
    seen: change('The bell was opened: nothing up to here is new any more', ref('UpTo'), []),
    archive: change('Archive', ref('IdsOrUpTo')),
    unarchive: change('Take out of the archive', ref('Ids')),
  },
  RemovalController: {
    remove: {
      summary: 'Delete one, from every page and device',
      caller: 'recipient',
      answer: ref('Counts'),
      problems: [...RECIPIENT, 'not-found', 'feed-busy'],
    },
  },
  PreferencesController: {
    get: { summary: 'What is muted', caller: 'recipient', answer: ref('Preferences'), problems: RECIPIENT },
    put: {
      summary: 'Mute these types, and no others',
      caller: 'recipient',
      body: ref('Preferences'),
      answer: ref('Preferences'),
      problems: [...RECIPIENT, ...BODY],
    },
  },
  NotificationsController: {
    publish: {
      summary: 'Publish; 202 means that the queue has stored it',
      caller: 'producer',
      headers: {
        'Idempotency-Key': {
          type: 'string',
          minLength: 1,
          maxLength: 256,
          description: 'May be repeated with it.',
        },
      },
      body: ref('Job'),
      status: 202,
      answer: ref('Accepted'),
      problems: [
        ...KEY,
        ...BODY,
        ...(['invalid-job', 'unknown-type', 'idempotency-key-reused', 'queue-unavailable'] as const),
      ],
    },
  },
  JobsController: {
    cancel: {
      summary: 'Cancel a job that has not run',
      caller: 'producer',
      answer: ref('Cancelled'),
      problems: [...KEY, 'not-found', 'conflict', 'queue-unavailable', 'log-unavailable'],
    },
  },
  RecallController: {
    recall: {
      summary: 'Take back what was sent under a dedupe key, or will be',
      caller: 'producer',
      body: ref('Recall'),
      answer: ref('Recalled'),
      problems: [...KEY, ...BODY, 'feed-busy', 'log-unavailable'],
    },
  },
  SupportController: {
    feed: {
      summary: 'Look at a feed, with what was dropped; each look is logged',
      caller: 'support',
      query: { tenant: TENANT, ...PAGE_QUERY },
      answer: ref('SupportPage'),
      problems: [...KEY, 'not-found', 'log-unavailable'],
    },
  },
  ErasureController: {
    recipient: {
      summary: 'Erase a recipient, for good',
      caller: 'admin',
      query: { tenant: TENANT },
      answer: ref('Erasure'),
      problems: [...KEY, 'log-unavailable', 'queue-unavailable'],
    },
    tenant: {
      summary: 'Erase all recipients of a tenant, for good',
      caller: 'admin',
      query: { tenant: { type: 'string', minLength: 1, maxLength: 256 } },
      answer: ref('Erasure'),
      problems: [...KEY, 'log-unavailable', 'queue-unavailable'],
    },
  },
  HealthController: {
    live: { summary: 'Whether the process lives', caller: 'anyone', answer: ref('Alive') },
    ready: {
      summary: 'Whether requests may come here; 503 while it drains or lacks a server',
      caller: 'anyone',
      answer: ref('Readiness'),
      otherStatus: 503,
    },
  },
  MetricsController: {
    metrics: {
      summary: 'What Prometheus scrapes',
      caller: 'anyone',
      answer: { type: 'string' },
      mediaType: 'text/plain',
    },
  },
};
