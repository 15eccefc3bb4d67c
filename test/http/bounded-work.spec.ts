import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { checkJob } from '../../src/jobs/produce/check-job.js';
import { defineNotification } from '../../src/contract/model/notification-type.js';
import { parseJobData } from '../../src/contract/model/job.js';
import { MAX_BODY_BYTES, MAX_RECIPIENT_BODY_BYTES } from '../../src/http/index.js';
import { MAX_DEPTH, MAX_NODES, MAX_VALUES } from '../../src/http/request/json-bounds.js';
import { TypeRegistry } from '../../src/types/type-registry.js';
import { holds } from '../support/loop-hold.js';
import { API_KEY, startHttpApp, type HttpApp } from './http-app.js';
import { sign } from './tokens.js';

/** Text of almost `size` characters: as many items as fit. */
function filled(begin: string, end: string, size: number, item: (index: number) => string): string {
  const parts: string[] = [];
  let length = begin.length + end.length;
  for (let index = 0; ; index += 1) {
    const text = item(index);
    length += text.length + 1;
    if (length > size) return begin + parts.join(',') + end;
    parts.push(text);
  }
}

const JOB = '"type":"task-completed","to":"ada"';
const nested = (open: string, close: string, times: number): string =>
  `{${JOB},"data":${open.repeat(times)}${close === ']' ? '' : '0'}${close.repeat(times)}}`;

const BODIES: Record<string, (size: number) => string> = {
  'unknown fields': (size) => filled(`{${JOB},`, '}', size, (i) => `"k${i.toString(36)}":1`),
  'unknown fields, without a type': (size) => filled('{', '}', size, (i) => `"typ${i.toString(36)}":1`),
  'as many unknown fields as are parsed': () =>
    filled(`{${JOB},`, '}', MAX_NODES * 7, (i) => `"k${i.toString(36)}":1`),
  'one unknown field with a name of its size': (size) => `{${JOB},"${'k'.repeat(size - 100)}":1}`,
  'one name again and again': (size) => filled(`{${JOB},`, '}', size, () => '"k":1'),
  'fields of data': (size) => filled(`{${JOB},"data":{`, '}}', size, (i) => `"k${i.toString(36)}":1`),
  'numbers in data': (size) => filled(`{${JOB},"data":[`, ']}', size, () => '0'),
  'as many numbers as are parsed': () => filled(`{${JOB},"data":[`, ']}', MAX_VALUES * 2, () => '0'),
  'objects in data': (size) => filled(`{${JOB},"data":[`, ']}', size, (i) => `{"k${i.toString(36)}":0}`),
  'a long text': (size) => `{${JOB},"data":{"taskId":"${'x'.repeat(size - 100)}"}}`,
  'a text of escapes': (size) => `{${JOB},"data":{"taskId":"${'\\u0061'.repeat(size / 6 - 100)}"}}`,
  recipients: (size) => filled('{"type":"task-completed","data":{},"to":[', ']}', size, (i) => `"${i}"`),
  'a thousand wrong recipients': () =>
    filled('{"type":"task-completed","data":{},"to":[', ']}', 2_000, () => '0'),
  'unknown fields of an audience': () =>
    filled('{"type":"task-completed","data":{},"to":{', '}}', MAX_NODES * 7, (i) => `"k${i.toString(36)}":1`),
  'objects as recipients': (size) =>
    filled('{"type":"task-completed","data":{},"to":[', ']}', size, () => '{}'),
  'nested arrays': (size) => nested('[', ']', size / 2 - 100),
  'nested objects': (size) => nested('{"":', '}', size / 5 - 100),
  'brackets that never end': (size) => '['.repeat(size),
  'a hundred notifications of the largest size': (size) =>
    `[${Array.from({ length: 100 }, () => filled(`{${JOB},"data":{"taskId":[`, ']}}', size / 100 - 2, (i) => `"${i}"`)).join(',')}]`,
};

/** An ordinary body of the size. */
const honest = (size: number): string =>
  `[${Array.from({ length: 25 }, () => `{${JOB},"data":{"taskId":"1","title":"${'x'.repeat(size / 25 - 100)}"}}`).join(',')}]`;

describe('a request of a permitted size', () => {
  let app: HttpApp;
  let token: string;
  beforeAll(async () => {
    app = await startHttpApp();
    token = await sign();
  });
  afterAll(() => app.close());

  async function send(path: string, credential: string, body: string, method = 'POST'): Promise<number> {
    const response = await app.get(path, {
      method,
      headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/json' },
      body,
    });
    await response.text();
    return response.status;
  }
  const publish = (body: string): Promise<number> => send('/v1/notifications', API_KEY, body);

  it.each(Object.entries(BODIES))(
    'does not hold the event loop: a job with %s',
    async (_, make) => {
      const body = make(MAX_BODY_BYTES);
      expect(body.length).toBeLessThanOrEqual(MAX_BODY_BYTES);
      let status = 0;
      const { held, limit } = await holds(
        async () => (status = await publish(body)),
        () => publish(honest(MAX_BODY_BYTES)),
      );
      expect([400, 207]).toContain(status);
      expect(held).toBeLessThan(limit);
    },
    20_000,
  );

  it.each([
    [
      'ids',
      'POST',
      '/v1/notifications/read',
      (size: number) => filled('{"ids":[', ']}', size, (i) => `"${i}"`),
    ],
    [
      'ten thousand wrong ids',
      'POST',
      '/v1/notifications/read',
      () => filled('{"ids":[', ']}', 20_000, () => '0'),
    ],
    [
      'unknown fields of a change',
      'POST',
      '/v1/notifications/read',
      (size: number) => filled('{', '}', size, (i) => `"${i}":0`),
    ],
    [
      'unknown fields of preferences',
      'PUT',
      '/v1/preferences',
      (size: number) => filled('{', '}', size, (i) => `"${i}":0`),
    ],
    [
      'muted types',
      'PUT',
      '/v1/preferences',
      (size: number) => filled('{"muted":[', ']}', size, (i) => `"${i}"`),
    ],
  ])(
    'does not hold the event loop: %s',
    async (_, method, path, make) => {
      const body = make(MAX_RECIPIENT_BODY_BYTES);
      let status = 0;
      const { held, limit } = await holds(
        async () => (status = await send(path, token, body, method)),
        () => publish(honest(MAX_RECIPIENT_BODY_BYTES)),
      );
      expect(status).toBe(400);
      expect(held).toBeLessThan(limit);
    },
    20_000,
  );

  it('does not hold the event loop: a query of thousands of parameters', async () => {
    const query = Array.from({ length: 3_000 }, (_, i) => i.toString(36)).join('&');
    let status = 0;
    const { held, limit } = await holds(
      async () => {
        const response = await app.get(`/v1/notifications?${query}`, {
          headers: { authorization: `Bearer ${token}` },
        });
        status = response.status;
        await response.text();
      },
      () => publish(honest(MAX_RECIPIENT_BODY_BYTES)),
    );
    expect(status).toBe(400);
    expect(held).toBeLessThan(limit);
  });

  it('lists the first twenty problems of a body, and counts all', async () => {
    const wrong = Array.from({ length: 1_000 }, () => 0);
    const response = await app.get('/v1/notifications', {
      method: 'POST',
      headers: { 'x-api-key': API_KEY, 'content-type': 'application/json' },
      body: JSON.stringify({ type: 'task-completed', to: wrong, data: {} }),
    });
    const { errors, detail } = (await response.json()) as { errors: unknown[]; detail: string };
    expect(errors).toHaveLength(20);
    expect(detail).toMatch(/^The job is not valid \(1000 problems, of which these are the first\): to\[0\] /);
    expect(detail.length).toBeLessThanOrEqual(1_000);
  });

  it.each([
    ['levels', '['.repeat(MAX_DEPTH + 1), `has too many levels: at most ${MAX_DEPTH}`],
    [
      'fields',
      `{${'"a":0,'.repeat(MAX_NODES)}"b":0}`,
      `has too many objects, arrays and fields: at most ${MAX_NODES}, has ${MAX_NODES + 2}`,
    ],
    [
      'values',
      `[${'0,'.repeat(MAX_VALUES + 1)}0]`,
      `has too many values: at most ${MAX_VALUES}, has ${MAX_VALUES + 1}`,
    ],
  ])('refuses too many %s before it parses', async (_, body, problem) => {
    const response = await app.get('/v1/notifications', {
      method: 'POST',
      headers: { 'x-api-key': API_KEY, 'content-type': 'application/json' },
      body,
    });
    expect(await response.json()).toMatchObject({
      code: 'invalid-request',
      errors: [{ field: 'body', problem }],
    });
  });

  it('counts no brackets and commas inside of texts', async () => {
    const title = `${'[{,:'.repeat(5_000)}\\"[[`;
    const body = `{${JOB},"data":{"taskId":"\\\\","title":"${'['.repeat(200)}${title}"}}`;
    expect(await publish(body)).toBe(202);
  });
});

describe('a job of any size, put on the queue by hand', () => {
  const types = new TypeRegistry([
    defineNotification('list', {
      version: 1,
      schema: z.object({ items: z.array(z.string()) }),
      render: () => ({ title: 'x' }),
    }),
  ]);
  const objectOf = (count: number): object =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i.toString(36)}`, 1]));
  const jobs: Record<string, unknown> = {
    'unknown fields': { ...objectOf(120_000), to: 'ada' },
    'fields of data': { to: 'ada', data: objectOf(120_000) },
    'numbers in data': { to: 'ada', data: new Array<number>(1_000_000).fill(0) },
    recipients: { to: new Array<number>(1_000_000).fill(0), data: {} },
    'wrong items, as many as fit': { to: 'ada', data: { items: new Array<number>(9_990).fill(0) } },
  };

  it.each(Object.entries(jobs))('is refused in bounded time, with a short reason: %s', async (_, job) => {
    const reasons: string[] = [];
    const text = JSON.stringify(job);
    for (const check of [
      async () => types.prepare('list', parseJobData(job).data),
      async () => checkJob(types, 'list', job),
    ]) {
      const { held, limit } = await holds(
        () => check().catch((error: unknown) => reasons.push((error as Error).message)),
        // BullMQ parses each job before we see it.
        () => Promise.resolve(JSON.parse(text)),
      );
      expect(held).toBeLessThan(limit);
    }
    expect(reasons.length).toBeGreaterThanOrEqual(2);
    for (const reason of reasons) expect(reason.length).toBeLessThanOrEqual(2_000);
  });
});
