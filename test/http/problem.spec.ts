import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import {
  BadRequestException,
  Controller,
  Get,
  HttpException,
  InternalServerErrorException,
  Param,
  Res,
} from '@nestjs/common';
import { InvalidSettingsError } from '../../src/contract/errors.js';
import { ALLOWED_ORIGIN, startHttpApp, type HttpApp } from './http-app.js';
import { problemOf } from './problem-of.js';

const ERRORS: Record<string, () => unknown> = {
  bug: () => new TypeError('x is not a function at postgres://user:password@db'),
  'no-error': () => 'a thrown text',
  nothing: () => undefined,
  settings: () => new InvalidSettingsError([{ field: 'database.url', problem: 'is secret' }]),
  'nest-500': () => new InternalServerErrorException('internal details'),
  teapot: () => new HttpException('short and stout', 418),
  'rate-limit': () => new HttpException('ThrottlerException: Too Many Requests', 429),
  validation: () => new BadRequestException(['a is wrong', 'b is\u001b[31m red']),
  'http-errors': () => Object.assign(new Error('gone'), { statusCode: 410, status: 410, expose: true }),
  'hidden-http-errors': () => Object.assign(new Error('/etc/passwd'), { statusCode: 404, expose: false }),
};

@Controller('fail')
class FailingController {
  @Get('late')
  late(@Res() response: ServerResponse): never {
    response.write('half an answ');
    throw new Error('too late for a status');
  }

  @Get(':how')
  fail(@Param('how') how: string): never {
    throw ERRORS[how]?.();
  }
}

describe('an error in the service', () => {
  let app: HttpApp;
  beforeAll(async () => {
    app = await startHttpApp({ controllers: [FailingController] });
  });
  beforeEach(() => void app.logger.lines.splice(0));
  afterAll(() => app.close());

  it.each(['bug', 'no-error', 'nothing', 'settings', 'nest-500', 'hidden-http-errors'])(
    'answers 500 for a fault of the server (%s), whose text is only in the log, under the same instance',
    async (how) => {
      const response = await app.get(`/fail/${how}`);
      expect(response.status).toBe(500);
      const problem = await problemOf(response);
      expect(problem).toEqual({
        type: 'about:blank',
        title: 'Internal error',
        status: 500,
        detail: 'The error is in the log of the server, under this instance.',
        code: 'internal',
        instance: expect.stringMatching(/^urn:uuid:[0-9a-f-]{36}$/),
      });
      expect(app.logger.lines).toHaveLength(1);
      expect(app.logger.lines[0]).toContain(problem.instance);
      if (how === 'bug') expect(app.logger.lines[0]).toMatch(/password@db[^]*at FailingController/);
    },
  );

  it.each([
    ['teapot', 418, 'i-m-a-teapot', 'short and stout'],
    ['rate-limit', 429, 'too-many-requests', 'ThrottlerException: Too Many Requests'],
    ['validation', 400, 'invalid-request', 'a is wrong; b is\\u001b[31m red'],
    ['http-errors', 410, 'gone', 'gone'],
  ])(
    'keeps status and text of a fault of the caller (%s), and does not log it',
    async (how, status, code, detail) => {
      const response = await app.get(`/fail/${how}`);
      expect(response.status).toBe(status);
      expect(await problemOf(response)).toMatchObject({ code, detail });
      expect(app.logger.lines).toHaveLength(0);
    },
  );

  it('answers 404 for an unknown path', async () => {
    const response = await app.get('/v1/nothing?x=1');
    expect(response.status).toBe(404);
    expect(await problemOf(response)).toMatchObject({
      code: 'not-found',
      detail: 'Cannot GET /v1/nothing?x=1',
    });
    expect((await app.get('/nothing', { method: 'HEAD' })).status).toBe(404);
  });

  it('answers 400 for a path with invalid percent-encoding', async () => {
    const response = await app.get('/fail/%ff');
    expect(response.status).toBe(400);
    expect((await problemOf(response)).code).toBe('invalid-request');
  });

  it('never echoes control characters of the request', async () => {
    const raw = await rawExchange(
      app.url,
      'GET /\u009b2J\u0085 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    );
    expect(raw).toMatch(/^HTTP\/1.1 40[04]/);
    const body = raw.slice(raw.indexOf('\r\n\r\n') + 4);
    // oxlint-disable-next-line no-control-regex -- finding them is the purpose
    expect(body).not.toMatch(/[\u0080-\u009f\u0000-\u0009]/);
  });

  it('ends an answer that has begun, and is logged', async () => {
    const response = await app.get('/fail/late');
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('half an answ');
    expect(app.logger.lines.join('\n')).toContain('too late for a status');
  });

  it('is readable by pages of allowed origins only', async () => {
    const allowed = await app.get('/v1/stream', { headers: { origin: ALLOWED_ORIGIN } });
    expect(allowed.status).toBe(401);
    expect(Object.fromEntries(allowed.headers)).toMatchObject({
      'access-control-allow-origin': ALLOWED_ORIGIN,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'Retry-After,WWW-Authenticate,X-Request-Id',
      vary: expect.stringContaining('Origin'),
    });
    const foreign = await app.get('/v1/stream', { headers: { origin: 'https://evil.example' } });
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull();
    expect(foreign.headers.get('vary')).toContain('Origin');
    const preflight = await app.get('/v1/stream', {
      method: 'OPTIONS',
      headers: {
        origin: ALLOWED_ORIGIN,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'authorization,last-event-id',
      },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-headers')).toBe(
      'Authorization,Content-Type,Idempotency-Key,Last-Event-ID,X-API-Key,X-Request-Id',
    );
  });
});

function rawExchange(url: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port, hostname } = new URL(url);
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(request, 'latin1'));
    socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
    socket.on('error', reject).on('close', () => resolve(answer));
  });
}
