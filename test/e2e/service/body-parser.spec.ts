import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { buildService, killServices, startService, type ServiceProcess } from '../../support/service.js';

describe('request bodies of the service', () => {
  let database: TestDatabase;
  let service: ServiceProcess;

  beforeAll(async () => {
    await buildService();
    database = await createMigratedDatabase();
    service = await startService({ DATABASE_URL: database.url });
  }, 240_000);

  afterAll(async () => {
    await service.stop();
    await killServices();
    await database.drop();
  });

  const post = (path: string, headers: Record<string, string>, body: string | Blob): Promise<Response> =>
    fetch(`${service.origin}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
  const broken = '{"not":"parsed';

  it('are parsed only after a valid credential', async () => {
    expect((await post('/v1/notifications', {}, broken)).status).toBe(401);
    expect((await post('/v1/notifications', { 'x-api-key': 'a-key-of-somebody' }, broken)).status).toBe(401);
    expect((await post('/nothing/here', {}, broken)).status).toBe(404);
    expect((await post('/v1/notifications/read', {}, broken)).status).toBe(401);
    const { apiKey, token } = service;
    for (const [path, headers] of [
      ['/v1/notifications', { 'x-api-key': apiKey }],
      ['/v1/notifications/read', { authorization: `Bearer ${token}` }],
    ] as const) {
      const answer = await post(path, headers, broken);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({ code: 'invalid-request' });
    }
  });

  it('are not decompressed: two kilobytes must not become two megabytes', async () => {
    const zipped = new Blob([gzipSync('['.repeat(1_000_000))]);
    const headers = { 'x-api-key': service.apiKey, 'content-encoding': 'gzip' };
    const answer = await post('/v1/notifications', headers, zipped);
    expect(answer.status).toBe(415);
    expect(await answer.json()).toMatchObject({ code: 'unsupported-media-type' });
  });

  it('are limited to 1.8 MB', async () => {
    const headers = { 'x-api-key': service.apiKey };
    const answer = await post(
      '/v1/notifications',
      headers,
      JSON.stringify({ filler: 'x'.repeat(2_000_000) }),
    );
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: 'too-large' });
  });
});
