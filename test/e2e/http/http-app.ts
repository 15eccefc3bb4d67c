import type { AddressInfo } from 'node:net';
import { Module, type LoggerService, type Type } from '@nestjs/common';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { of, type Observable } from 'rxjs';
import { z } from 'zod';
import { UnknownTypeError } from '../../../src/contract/errors.js';
import { parseJobData, type JobData } from '../../../src/contract/job.js';
import { defineNotification, validateData } from '../../../src/contract/notification-type.js';
import { resolveOptions, type HttpOptions } from '../../../src/contract/options.js';
import type { Inbox, InboxCounts, InboxPage } from '../../../src/contract/ports/inbox.js';
import type { EnqueueOptions, Producer } from '../../../src/contract/ports/produce.js';
import type { ClosingReason, Frame, StreamRequest, Streams } from '../../../src/contract/ports/stream.js';
import { INBOX, PRODUCER, RESOLVED_OPTIONS, STREAMS } from '../../../src/contract/tokens.js';
import {
  corsOptions,
  HTTP_CONTROLLERS,
  HTTP_PROVIDERS,
  MAX_BODY_BYTES,
  ProblemFilter,
} from '../../../src/http/index.js';

export const SECRET = 'a secret of at least thirty-two bytes';
export const API_KEY = 'producer-key-0001';
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

  disconnect(): void {}

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

  async enqueue(type: string, data: JobData, options?: EnqueueOptions): Promise<{ id: string }> {
    if (this.failure) throw this.failure;
    const declared = types.find(({ name }) => name === type);
    if (!declared) throw new UnknownTypeError(type, ['task-completed']);
    await validateData(declared, parseJobData(data).data);
    this.jobs.push({ type, data, options });
    return { id: `job-${this.jobs.length}` };
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
}

/** Keeps what is logged. */
export class RecordingLogger implements LoggerService {
  readonly lines: string[] = [];
  readonly log = (): void => {};
  readonly warn = (...parts: unknown[]): void => void this.lines.push(`warn ${parts.map(String).join(' ')}`);
  readonly error = (...parts: unknown[]): void =>
    void this.lines.push(`error ${parts.map(String).join(' ')}`);
}

export interface HttpApp {
  readonly url: string;
  readonly streams: RecordingStreams;
  readonly producer: RecordingProducer;
  readonly logger: RecordingLogger;
  readonly nest: NestExpressApplication;
  /** `fetch` of a path of the app. */
  get(path: string, init?: RequestInit): Promise<Response>;
  close(): Promise<void>;
}

export interface HttpAppSettings {
  readonly http?: HttpOptions;
  /** Controllers of a host beside ours. */
  readonly controllers?: Type[];
  /** As a host imports us: no filter, no body limit and no CORS of ours for the whole application. */
  readonly asHost?: boolean;
}

/** The real controllers on a loopback port, with ports that only remember. */
export async function startHttpApp({
  http,
  controllers = [],
  asHost = false,
}: HttpAppSettings = {}): Promise<HttpApp> {
  const streams = new RecordingStreams();
  const producer = new RecordingProducer();
  const logger = new RecordingLogger();
  const options = resolveOptions({
    database: { url: 'postgres://nowhere.invalid/none' },
    types,
    http: http ?? { jwt: { secret: SECRET }, producerApiKeys: [API_KEY], allowedOrigins: [ALLOWED_ORIGIN] },
  });

  @Module({
    controllers: [...controllers, ...HTTP_CONTROLLERS],
    providers: [
      { provide: RESOLVED_OPTIONS, useValue: options },
      { provide: STREAMS, useValue: streams },
      { provide: PRODUCER, useValue: producer },
      { provide: INBOX, useClass: EmptyInbox },
      ...HTTP_PROVIDERS,
    ],
  })
  class HttpTestModule {}

  const nest = await NestFactory.create<NestExpressApplication>(HttpTestModule, {
    logger,
    abortOnError: false,
    forceCloseConnections: true,
    bodyParser: asHost,
  });
  if (!asHost) {
    nest.useBodyParser('json', { limit: MAX_BODY_BYTES });
    nest.enableCors(corsOptions(options.http.allowedOrigins));
    nest.useGlobalFilters(new ProblemFilter(nest.get(HttpAdapterHost)));
  }
  await nest.listen(0, '127.0.0.1');
  const { port } = nest.getHttpServer().address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    streams,
    producer,
    logger,
    nest,
    get: (path, init) => fetch(`${url}${path}`, init),
    close: () => nest.close(),
  };
}
