import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Logger, type INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { jwtVerify } from 'jose';
import { RESOLVED_OPTIONS } from '../../src/contract/tokens.js';
import {
  DEMO_CREDENTIALS,
  DemoController,
  type DemoSession,
} from '../../src/service/demo/demo.controller.js';

const credentials = {
  jwtSecret: 'a-secret-of-at-least-32-bytes-for-HS256',
  producerApiKey: 'dev_0123456789abcdef',
};
let app: INestApplication;
let origin = '';

beforeAll(async () => {
  Logger.overrideLogger(false);
  const module = await Test.createTestingModule({
    controllers: [DemoController],
    providers: [
      { provide: DEMO_CREDENTIALS, useValue: credentials },
      { provide: RESOLVED_OPTIONS, useValue: { push: null } },
    ],
  }).compile();
  app = module.createNestApplication();
  await app.listen(0, '127.0.0.1');
  origin = await app.getUrl();
});
afterAll(() => app.close());

/** The status for a request that names its host as it likes, which fetch does not allow. */
function statusFor(host: string): Promise<number> {
  const { port } = (app.getHttpServer() as Server).address() as AddressInfo;
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: '/demo/session', headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

describe('the demo page', () => {
  it('loads nothing but files of ours, all of which are there', async () => {
    const page = await fetch(`${origin}/demo`);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    const html = await page.text();
    expect(html).not.toMatch(/https?:|<script(?![^>]*\bsrc=)[^>]*>|<style|\bon[a-z]+=|style=/);
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1]!);
    expect([...new Set(files)]).toEqual([
      '/demo/icon.svg',
      '/demo/demo.css',
      '/demo/tidings-element.js',
      '/demo/demo.js',
    ]);
    // The element is a bundle: it is there once the package is built, and then in the page that Chromium loads.
    const sources = ['icon.svg', 'demo.css', 'demo.js', 'desk.js', 'frames.js', 'jobs.js'];
    const types = await Promise.all(
      sources.map(async (name) => {
        const file = `/demo/${name}`;
        const response = await fetch(`${origin}${file}`);
        expect(response.status).toBe(200);
        return response.headers.get('content-type')?.split(';')[0];
      }),
    );
    expect(types).toEqual(['image/svg+xml', 'text/css', ...Array<string>(4).fill('text/javascript')]);
  });

  it('inserts text as text', async () => {
    for (const file of ['demo.js', 'desk.js', 'frames.js', 'jobs.js']) {
      const script = await (await fetch(`${origin}/demo/${file}`)).text();
      expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
    }
  });

  it('gets a token for each of its users, valid for an hour', async () => {
    const response = await fetch(`${origin}/demo/session`);
    expect(response.headers.get('cache-control')).toBe('no-store');
    const { users, producerApiKey, push } = (await response.json()) as DemoSession;
    expect([producerApiKey, push]).toEqual([credentials.producerApiKey, false]);
    for (const { name, token } of users) {
      const { payload } = await jwtVerify(token, new TextEncoder().encode(credentials.jwtSecret));
      expect(payload.sub).toBe(name);
      expect(payload.exp! - Date.now() / 1_000).toBeLessThanOrEqual(3_600);
    }
    expect(users.map(({ name }) => name)).toEqual(['ada', 'grace']);
  });

  it.each(['localhost:3000', '127.0.0.1', '[::1]:3000', 'LOCALHOST'])('accepts the host %s', async (host) => {
    expect(await statusFor(host)).toBe(200);
  });

  it.each([
    'evil.example',
    'evil.example:3000',
    '127.0.0.1.evil.example',
    'user@evil.example',
    '192.168.0.7',
    '0.0.0.0',
  ])('rejects the host %s, which a foreign page could point at this machine', async (host) => {
    expect(await statusFor(host)).toBe(403);
  });

  it.each(['/demo/demo.controller.js', '/demo/index.html', '/demo/..%2f..%2fpackage.json'])(
    'serves no other file: %s',
    async (path) => {
      expect((await fetch(`${origin}${path}`)).status).toBe(404);
    },
  );
});
