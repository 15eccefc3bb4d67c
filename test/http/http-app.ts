import type { AddressInfo } from 'node:net';
import { Module, type LoggerService, type Type } from '@nestjs/common';
import { HttpAdapterHost, NestFactory, RouterModule } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { of, type Observable } from 'rxjs';
import { z } from 'zod';
import { NotFoundError, UnknownTypeError } from '../../src/contract/errors.js';
import type { FeedKey } from '../../src/contract/model/feed.js';
import { parseJobData, type JobData } from '../../src/contract/model/job.js';
import { defineNotification, validateData } from '../../src/contract/model/notification-type.js';
import {
  parseSelection,
  parseSnooze,
  type Selection,
  type SnoozeRequest,
  type StateChange,
} from '../../src/contract/model/selection.js';
import { resolveOptions, type HttpOptions, type RedisOptions } from '../../src/contract/options/options.js';
import type { Eraser, ErasureReport } from '../../src/contract/ports/erase.js';
import type {
  CategoryCounts,
  Chosen,
  Inbox,
  InboxChanges,
  InboxCounts,
  InboxPage,
  PageRequest,
} from '../../src/contract/ports/inbox.js';
import type { Metrics } from '../../src/contract/ports/metrics.js';
import type {
  Preferences,
  PreferencesUpdate,
  RecipientPreferences,
  TypeDescription,
} from '../../src/contract/ports/preferences.js';
import type {
  CancelOutcome,
  Enqueued,
  EnqueueOptions,
  JobCanceller,
  Producer,
} from '../../src/contract/ports/produce.js';
import type { Recaller, RecallOutcome } from '../../src/contract/ports/recall.js';
import type { Dropped, SupportView } from '../../src/contract/ports/support.js';
import type {
  ClosingReason,
  Frame,
  StreamRequest,
  Streams,
  StreamStates,
} from '../../src/contract/ports/stream.js';
import {
  ERASER,
  INBOX,
  INBOX_CHANGES,
  JOB_CANCELLER,
  PREFERENCES,
  PRODUCER,
  PUSH_SUBSCRIPTIONS,
  RECALLER,
  RESOLVED_OPTIONS,
  STREAMS,
  SUPPORT_VIEW,
  TICKETS,
} from '../../src/contract/tokens.js';
import {
  corsOptions,
  HTTP_CONTROLLERS,
  HTTP_PROVIDERS,
  mount,
  ProblemFilter,
  Refusals,
} from '../../src/http/index.js';

import { NO_TICKETS } from '../support/no-tickets.js';

export const SECRET = 'a secret of at least thirty-two bytes';
export const API_KEY = 'producer-key-0001';
export const SUPPORT_KEY = 'support-key-00001';
export const ADMIN_KEY = 'admin-key-0000001';
export const ALLOWED_ORIGIN = 'https://app.example.com';

/** Opens streams that say hello and end, and remembers what was asked. */
export class RecordingStreams implements Streams {
  readonly opened: StreamRequest[] = [];
  readonly refused: { reason: ClosingReason; lastEventId: string }[] = [];
  frames: (request: StreamRequest) => Observable<Frame> = () =>
    of({ type: 'feed.ready', id: 'e-0', data: '{"type":"feed.ready"}' });

  open(request: StreamRequest): Observable<Frame> {
    this.opened.push(request);
    return this.frames(request);
  }

  refuse(reason: ClosingReason, lastEventId: string): Observable<Frame> {
    this.refused.push({ reason, lastEventId });
    return of({
      type: 'feed.closing',
      id: lastEventId,
      data: JSON.stringify({ type: 'feed.closing', reason }),
      retry: 2000,
    });
  }

  readonly disconnected: FeedKey[] = [];

  disconnect(feeds: readonly FeedKey[]): void {
    this.disconnected.push(...feeds);
  }

  states(): StreamStates {
    return { opening: 0, replaying: 0, live: 0, blocked: 0, retrying: 0 };
  }

  drain(): Promise<void> {
    return Promise.resolve();
  }
}

const types = [
  defineNotification('task-completed', {
    version: 1,
    schema: z.object({ taskId: z.string(), title: z.string() }),
    render: ({ title }) => ({ title }),
  }),
];

/** Checks jobs as a producer must, and remembers them instead of enqueuing. */
export class RecordingProducer implements Producer {
  readonly jobs: { type: string; data: JobData; options: EnqueueOptions | undefined }[] = [];
  /** Thrown by the next calls, if set. */
  failure: Error | null = null;

  async enqueue(type: string, data: JobData, options?: EnqueueOptions): Promise<Enqueued> {
    if (this.failure) throw this.failure;
    const declared = types.find(({ name }) => name === type);
    if (!declared) throw new UnknownTypeError(type, ['task-completed']);
    await validateData(declared, parseJobData(data).data);
    this.jobs.push({ type, data, options });
    return { id: `job-${this.jobs.length}`, outcome: 'queued' };
  }
}

/** Has nothing; the real one has tests of its own. */
class EmptyInbox implements Inbox {
  async page(): Promise<InboxPage> {
    return { items: [], next: null, ...(await this.count()) };
  }

  count(): Promise<InboxCounts> {
    return Promise.resolve({ unread: 0, unseen: 0, cursor: 'e-0' });
  }

  async countByCategory(): Promise<CategoryCounts> {
    return { ...(await this.count()), categories: {} };
  }
}

/** Remembers what it was asked, in order, and answers nothing of interest. */
export class RecordingPorts
  implements InboxChanges, Preferences, Recaller, JobCanceller, SupportView, Eraser
{
  readonly calls: unknown[][] = [];
  /** Thrown by the next calls, if set. */
  failure: Error | null = null;

  /** Checks the selection as the port must. */
  change = async (feed: FeedKey, change: StateChange, selection: Selection): Promise<InboxCounts> =>
    this.#answer(
      { unread: 0, unseen: 0, cursor: 'e-0' },
      ...['change', feed, change, parseSelection(change, selection)],
    );
  act = (feed: FeedKey, id: string, action: string): Promise<Chosen> =>
    this.#answer({ id, action, at: '2026-01-01T00:00:00.000Z' }, 'act', feed, id, action);
  snooze = async (feed: FeedKey, request: SnoozeRequest): Promise<InboxCounts> =>
    this.#answer(
      { unread: 0, unseen: 0, cursor: 'e-0' },
      ...['snooze', feed, parseSnooze(request, ['ids', 'until'])],
    );
  unsnooze = async (feed: FeedKey, ids: readonly string[]): Promise<InboxCounts> =>
    this.#answer({ unread: 0, unseen: 0, cursor: 'e-0' }, ...['unsnooze', feed, ids]);
  get = (feed: FeedKey): Promise<RecipientPreferences> =>
    this.#answer({ muted: ['new-order'], mutedCategories: [] }, 'get', feed);
  put = (feed: FeedKey, preferences: PreferencesUpdate): Promise<RecipientPreferences> =>
    this.#answer({ mutedCategories: [], ...preferences }, 'put', feed, preferences);
  types = (feed: FeedKey): Promise<readonly TypeDescription[]> => this.#answer([], 'types', feed);
  recall = (feeds: readonly FeedKey[], key: string, sender: string | null): Promise<RecallOutcome[]> =>
    this.#answer(
      feeds.map(() => 'recalled' as const),
      'recall',
      feeds,
      key,
      sender,
    );
  /** The id says what becomes of it. */
  cancel = (id: string): Promise<CancelOutcome> =>
    this.#answer(
      (['cancelled', 'running', 'done'] as const).find((outcome) => outcome === id) ?? 'unknown',
      'cancel',
      id,
    );
  feed = (feed: FeedKey, page: PageRequest): Promise<InboxPage & { dropped: readonly Dropped[] }> => {
    if (feed.recipient === 'nobody')
      this.failure = new NotFoundError([{ field: 'recipient', problem: 'has no feed' }]);
    const dropped: Dropped = {
      reason: 'muted',
      type: 'new-order',
      jobId: '7',
      at: '2026-01-01T00:00:00.000Z',
    };
    return this.#answer(
      { items: ['{"id":1}'], next: null, unread: 0, unseen: 0, cursor: 'e-1', dropped: [dropped] },
      'feed',
      feed,
      page,
    );
  };
  eraseRecipient = (feed: FeedKey): Promise<ErasureReport> =>
    this.#answer({ feeds: 1, entries: 2, jobs: 3 }, 'eraseRecipient', feed);
  eraseTenant = (tenant: string): Promise<ErasureReport> =>
    this.#answer({ feeds: 4, entries: 5, jobs: 6 }, 'eraseTenant', tenant);

  #answer<T>(value: T, ...call: unknown[]): Promise<T> {
    if (this.failure) return Promise.reject(this.failure);
    this.calls.push(call);
    return Promise.resolve(value);
  }
}

/** Keeps what is logged. */
export class RecordingLogger implements LoggerService {
  readonly lines: string[] = [];
  readonly log = (...parts: unknown[]): void => void this.logged.push(parts.map(String).join(' '));
  /** What is no warning and no error. */
  readonly logged: string[] = [];
  readonly warn = (...parts: unknown[]): void => void this.lines.push(`warn ${parts.map(String).join(' ')}`);
  readonly error = (...parts: unknown[]): void =>
    void this.lines.push(`error ${parts.map(String).join(' ')}`);
}

export interface HttpApp {
  readonly url: string;
  readonly streams: RecordingStreams;
  readonly producer: RecordingProducer;
  readonly ports: RecordingPorts;
  readonly logger: RecordingLogger;
  readonly nest: NestExpressApplication;
  /** `fetch` of a path of the app. */
  get(path: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

export interface HttpAppSettings {
  readonly http?: HttpOptions;
  readonly metrics?: Metrics;
  readonly redis?: RedisOptions;
  /** Controllers of a host beside ours. */
  readonly controllers?: Type[];
  /** The same, with routes that are registered after ours. */
  readonly laterControllers?: Type[];
  /** Where `RouterModule` puts the module. */
  readonly modulePath?: string;
  /** What the host does between `create` and `listen`, such as setting a prefix. */
  readonly configure?: (nest: NestExpressApplication) => void;
  /** As a host imports us: no filter, no body limit and no CORS of ours for the whole application. */
  readonly asHost?: boolean;
  /** `false`: Nest writes what the handlers return, as it does for a host's own `@Sse()` routes. */
  readonly ownWriter?: boolean;
}

/** The real controllers on a loopback port, with ports that only remember. */
export async function startHttpApp({
  http,
  metrics,
  redis,
  controllers = [],
  laterControllers = [],
  configure,
  modulePath = '',
  asHost = false,
  ownWriter = true,
}: HttpAppSettings = {}): Promise<HttpApp> {
  const streams = new RecordingStreams();
  const producer = new RecordingProducer();
  const ports = new RecordingPorts();
  const logger = new RecordingLogger();
  const options = resolveOptions({
    database: { url: 'postgres://nowhere.invalid/none' },
    types,
    metrics,
    redis,
    http: http ?? {
      jwt: { secret: SECRET, cookie: 'session' },
      producerApiKeys: [API_KEY],
      supportApiKeys: [SUPPORT_KEY],
      adminApiKeys: [ADMIN_KEY],
      allowedOrigins: [ALLOWED_ORIGIN],
      // Tests send many requests of one recipient.
      recipientRequestsPerSecond: null,
    },
  });

  @Module({
    controllers: [
      ...controllers,
      ...(ownWriter ? mount(HTTP_CONTROLLERS, { path: 'v1', decorators: [] }) : HTTP_CONTROLLERS),
      ...laterControllers,
    ],
    providers: [
      { provide: RESOLVED_OPTIONS, useValue: options },
      { provide: STREAMS, useValue: streams },
      { provide: PRODUCER, useValue: producer },
      { provide: INBOX, useClass: EmptyInbox },
      { provide: TICKETS, useValue: NO_TICKETS },
      ...[INBOX_CHANGES, PREFERENCES, PUSH_SUBSCRIPTIONS, RECALLER, JOB_CANCELLER, SUPPORT_VIEW, ERASER].map(
        (provide) => ({
          provide,
          useValue: ports,
        }),
      ),
      ...HTTP_PROVIDERS,
    ],
  })
  class HttpTestModule {}

  @Module({
    imports: [HttpTestModule, RouterModule.register([{ path: modulePath, module: HttpTestModule }])],
  })
  class RootModule {}

  const nest = await NestFactory.create<NestExpressApplication>(RootModule, {
    logger,
    abortOnError: false,
    forceCloseConnections: true,
    bodyParser: asHost,
  });
  if (!asHost) {
    nest.enableCors(corsOptions(options.http.allowedOrigins));
    nest.useGlobalFilters(
      new ProblemFilter(nest.get(HttpAdapterHost), nest.get(Refusals, { strict: false })),
    );
  }
  configure?.(nest);
  await nest.listen(0, '127.0.0.1');
  const { port } = nest.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    streams,
    producer,
    ports,
    logger,
    nest,
    get: (path, init) => fetch(`${url}${path}`, init),
    close: () => nest.close(),
  };
}
