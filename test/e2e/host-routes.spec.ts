import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { Controller, Get, Module, Param, Req, Res, Sse, type INestApplication } from '@nestjs/common';
import { Inject } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Request, Response } from 'express';
import { InvalidRequestError, NotFoundError } from '../../src/contract/errors.js';
import { taskCompleted } from '../../src/types/shipped/index.js';
import { TidingsModule } from '../../src/module/tidings.module.js';
import type { Page } from '../../src/module/tidings.calls.js';
import { TidingsService } from '../../src/module/tidings.service.js';
import { eventually } from '../support/eventually.js';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres.js';
import { connect } from '../support/sse-client.js';

@Controller('users/:user')
class OwnRoutes {
  constructor(@Inject(TidingsService) private readonly tidings: TidingsService) {}

  @Sse('feed')
  feed(@Param('user') user: string, @Req() request: Request, @Res() response: Response) {
    return this.tidings.stream(user, { request, response });
  }

  @Get('page')
  page(@Param('user') user: string): Promise<Page> {
    return this.tidings.page(user);
  }
}

let database: TestDatabase;
let app: INestApplication;
let tidings: TidingsService;
let origin: string;

beforeAll(async () => {
  database = await createMigratedDatabase();
  @Module({
    imports: [
      TidingsModule.forRoot({
        database: { url: database.url },
        types: [taskCompleted],
        roles: ['worker'],
        controllers: false,
      }),
    ],
    controllers: [OwnRoutes],
  })
  class Host {}
  app = await NestFactory.create(Host, { logger: ['fatal'], abortOnError: false });
  await app.listen(0, '127.0.0.1');
  origin = `http://127.0.0.1:${((app.getHttpServer() as Server).address() as AddressInfo).port}`;
  tidings = app.get(TidingsService, { strict: false });
}, 60_000);

afterAll(async () => {
  await app?.close();
  await database?.drop();
}, 30_000);

const send = (taskId: string, dedupeKey?: string) =>
  tidings.notify(taskCompleted, {
    to: 'ada',
    data: { taskId, title: taskId, status: 'succeeded' },
    dedupeKey,
  });

it('streams a feed on a route of the host, resumes from its cursor, and ends it on request', async () => {
  const client = await connect(`${origin}/users/ada/feed`);
  await client.waitFor(({ event }) => event === 'feed.ready');
  await send('one');
  const frame = await client.waitFor(({ event }) => event === 'task-completed');
  tidings.disconnect('ada');
  const closing = await client.waitFor(({ event }) => event === 'feed.closing');
  expect(closing.data).toContain('revoked');
  await client.close();

  await send('two');
  const again = await connect(`${origin}/users/ada/feed`, { headers: { 'last-event-id': frame.id! } });
  const next = await again.waitFor(({ event }) => event === 'task-completed');
  expect(next.data).toContain('"title":"two"');
  await again.close();
}, 30_000);

it('lists, counts and changes a feed', async () => {
  const page = (await (await fetch(`${origin}/users/ada/page`)).json()) as Page;
  expect(page.items.map(({ title }) => title)).toEqual(['two', 'one']);
  const [two, one] = page.items.map(({ id }) => id) as [string, string];
  expect(await tidings.count('ada')).toMatchObject({ unread: 2, unseen: 2 });
  expect(await tidings.markSeen('ada', { upTo: page.cursor })).toMatchObject({ unread: 2, unseen: 0 });
  expect(await tidings.markRead('ada', { upTo: page.cursor })).toMatchObject({ unread: 0 });
  expect(await tidings.markUnread('ada', [two])).toMatchObject({ unread: 1 });
  await tidings.archive('ada', [two]);
  expect((await tidings.page('ada', { archived: true })).items.map(({ id }) => id)).toEqual([two]);
  await tidings.unarchive('ada', [two]);
  await tidings.remove('ada', [one]);
  const first = await tidings.page('ada', { limit: 1, unread: null, type: 'task-completed' });
  expect(first.items.map(({ id }) => id)).toEqual([two]);

  await expect(tidings.markRead('bob', [two])).rejects.toThrow(NotFoundError);
  await expect(tidings.page('ada', { limit: 0 })).rejects.toThrow(/limit must be/);
  await expect(tidings.page('ada', { before: 'nonsense' })).rejects.toThrow(/before must be a cursor/);
  await expect(tidings.page('')).rejects.toThrow(InvalidRequestError);
  await expect(tidings.page({ recipient: 'a\ud800' })).rejects.toThrow(/recipient must be well-formed/);
});

it('recalls a notification by its dedupe key', async () => {
  await send('wrong', 'key-1');
  await eventually(async () => expect((await tidings.page('ada')).items[0]?.title).toBe('wrong'));
  expect(await tidings.recall({ to: ['ada', 'bob'], dedupeKey: 'key-1' })).toEqual([
    { to: 'ada', outcome: 'recalled' },
    { to: 'bob', outcome: 'prevented' },
  ]);
  expect((await tidings.page('ada')).items[0]?.title).toBe('two');
  await expect(tidings.recall({ to: [], dedupeKey: '' })).rejects.toThrow(InvalidRequestError);
  expect(await tidings.cancel('no-such-job')).toBe('unknown');
});
