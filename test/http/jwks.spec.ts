import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, jwtVerify, SignJWT, type CryptoKey, type JWK } from 'jose';
import { Controller, Get, UseFilters, UseGuards } from '@nestjs/common';
import type { FeedKey } from '../../src/contract/model/feed.js';
import { CurrentFeed, ProblemFilter, RecipientGuard } from '../../src/http/index.js';
import { MAX_KEY_SET_BYTES, RemoteKeys } from '../../src/http/credentials/remote-keys.js';
import { eventually } from '../support/eventually.js';
import { startHttpApp, type HttpApp } from './http-app.js';
import { problemOf } from './problem-of.js';
import { bearer, sign } from './tokens.js';

/** Not a stream: a route behind the guard, where an outage is a status. */
@Controller('guarded')
@UseFilters(ProblemFilter)
@UseGuards(RecipientGuard)
class GuardedController {
  @Get()
  feed(@CurrentFeed() feed: FeedKey): FeedKey {
    return feed;
  }
}

/** A key server whose keys and health a test can change. */
class KeyServer {
  readonly keys: JWK[] = [];
  mode: 'answers' | 'fails' | 'hangs' | 'talks nonsense' | 'is too large' | 'dribbles' | 'redirects' =
    'answers';
  fetches = 0;
  readonly #server: Server = createServer((_request, response) => {
    this.fetches += 1;
    if (this.mode === 'hangs') return;
    if (this.mode === 'fails') response.writeHead(500).end();
    else if (this.mode === 'talks nonsense') response.end('<html>');
    else if (this.mode === 'redirects') response.writeHead(302, { location: '/elsewhere' }).end();
    // It would be valid JSON.
    else if (this.mode === 'is too large')
      response.end(JSON.stringify({ keys: this.keys }) + ' '.repeat(MAX_KEY_SET_BYTES));
    else if (this.mode === 'dribbles') response.write('{');
    else response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys: this.keys }));
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks`;
  }

  /** Ends requests that it has not answered. */
  hangUp(): void {
    this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    this.hangUp();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

const ISSUER = 'https://id.example.com';

async function makeKey(kid: string | undefined, alg = 'ES256'): Promise<{ jwk: JWK; privateKey: CryptoKey }> {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  return { jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }, privateKey };
}

const signWith = (privateKey: CryptoKey, kid?: string, alg = 'ES256'): Promise<string> =>
  new SignJWT({})
    .setSubject('ada')
    .setIssuer(ISSUER)
    .setAudience('tidings')
    .setExpirationTime('1h')
    .setProtectedHeader({ alg, kid })
    .sign(privateKey);

describe('keys from a key server', () => {
  const server = new KeyServer();
  const apps: HttpApp[] = [];
  let jwksUrl: string;
  beforeAll(async () => {
    jwksUrl = await server.start();
  });
  afterEach(async () => {
    server.mode = 'answers';
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });
  afterAll(() => server.stop());

  async function startApp(url = jwksUrl): Promise<HttpApp> {
    server.keys.splice(0);
    server.fetches = 0;
    const jwt = { jwksUrl: url, issuer: ISSUER, audience: 'tidings' };
    const app = await startHttpApp({ http: { jwt }, controllers: [GuardedController] });
    apps.push(app);
    return app;
  }

  it.each(['ES256', 'RS256', 'PS256', 'Ed25519'])('verify tokens signed with %s', async (alg) => {
    const app = await startApp();
    const { jwk, privateKey } = await makeKey('one', alg);
    server.keys.push(jwk);
    const response = await app.get('/guarded', bearer(await signWith(privateKey, 'one', alg)));
    expect(await response.json()).toEqual({ tenant: '', recipient: 'ada' });
  });

  it('are fetched once for many tokens', async () => {
    const app = await startApp();
    const { jwk, privateKey } = await makeKey('one');
    server.keys.push(jwk);
    const token = await signWith(privateKey, 'one');
    const responses = await Promise.all(Array.from({ length: 20 }, () => app.get('/guarded', bearer(token))));
    expect(responses.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 200));
    expect(server.fetches).toBe(1);
  });

  it('are fetched again when a token names an unknown one: a rotation needs no restart', async () => {
    const app = await startApp();
    const [old, fresh] = [await makeKey('old'), await makeKey('fresh')];
    server.keys.push(old.jwk);
    const known = await signWith(old.privateKey, 'old');
    expect((await app.get('/guarded', bearer(known))).status).toBe(200);

    server.keys.splice(0, 1, fresh.jwk);
    const token = await signWith(fresh.privateKey, 'fresh');
    // A second has to pass between two fetches, so that made-up key ids cannot flood the key server.
    await eventually(async () => (await app.get('/guarded', bearer(token))).status === 200);
    expect(server.fetches).toBe(2);
    for (const withdrawn of [known, await signWith(old.privateKey, 'old')]) {
      const response = await app.get('/guarded', bearer(withdrawn));
      expect((await problemOf(response)).detail).toBe('The token is signed with an unknown key.');
    }
  });

  it('verify a known token again after the key of its name was replaced', async () => {
    const app = await startApp();
    const [old, fresh] = [await makeKey('one'), await makeKey('one')];
    server.keys.push(old.jwk);
    const known = await signWith(old.privateKey, 'one');
    for (let time = 0; time < 2; time += 1)
      expect((await app.get('/guarded', bearer(known))).status).toBe(200);

    server.keys.splice(0, 1, fresh.jwk, (await makeKey('two')).jwk);
    const unknown = bearer(await signWith(fresh.privateKey, 'two'));
    // The unknown name makes the server fetch the keys again.
    await eventually(async () => {
      await app.get('/guarded', unknown);
      return server.fetches === 2;
    });
    const replaced = await app.get('/guarded', bearer(known));
    expect((await problemOf(replaced)).detail).toBe('The signature of the token does not match.');
    expect((await app.get('/guarded', bearer(await signWith(fresh.privateKey, 'one')))).status).toBe(200);
  });

  it('are tried in turn for a token that names none', async () => {
    const app = await startApp();
    const [first, second, foreign] = [
      await makeKey(undefined),
      await makeKey(undefined),
      await makeKey(undefined),
    ];
    server.keys.push(first.jwk, second.jwk);
    expect((await app.get('/guarded', bearer(await signWith(second.privateKey)))).status).toBe(200);
    const refused = await app.get('/guarded', bearer(await signWith(foreign.privateKey)));
    expect((await problemOf(refused)).detail).toBe('The signature of the token does not match.');
  });

  it('are no secrets: a token signed with HS256 is rejected', async () => {
    const app = await startApp();
    const { jwk } = await makeKey('one');
    server.keys.push(jwk);
    const token = await sign({ iss: ISSUER, aud: 'tidings' }, JSON.stringify(jwk));
    const response = await app.get('/guarded', bearer(token));
    expect(response.status).toBe(401);
    expect((await problemOf(response)).detail).toBe(
      'The token is signed with an algorithm that is not allowed.',
    );
  });

  it('reject a forged signature with 401', async () => {
    const app = await startApp();
    const [known, forged] = [await makeKey('one'), await makeKey('one')];
    server.keys.push(known.jwk);
    const response = await app.get('/v1/stream', bearer(await signWith(forged.privateKey, 'one')));
    expect(response.status).toBe(401);
  });

  describe.each(['fails', 'talks nonsense', 'hangs', 'is away'] as const)('while the server %s', (mode) => {
    it('end a stream with "unavailable" after 200, and answer a guarded route with 503', async () => {
      const app = await startApp(mode === 'is away' ? 'http://127.0.0.1:9/jwks' : jwksUrl);
      if (mode !== 'is away') server.mode = mode;
      const { privateKey } = await makeKey('one');
      const init = bearer(await signWith(privateKey, 'one'));
      const [stream, guarded] = await Promise.all([
        app.get('/v1/stream', { headers: { ...init.headers, 'last-event-id': 'abc-41' } }),
        app.get('/guarded', init),
      ]);
      expect(stream.status).toBe(200);
      expect(stream.headers.get('content-type')).toBe('text/event-stream');
      expect(await stream.text()).toMatch(/event: feed.closing\nid: abc-41\n(.*\n)*data: .*"unavailable"/);
      expect(app.streams.refused).toEqual([{ reason: 'unavailable', lastEventId: 'abc-41' }]);
      expect(app.streams.opened).toHaveLength(0);

      expect(guarded.status).toBe(503);
      expect(guarded.headers.get('retry-after')).toMatch(/^[1-5]$/);
      expect(await problemOf(guarded)).toMatchObject({
        code: 'key-server-unavailable',
        detail: 'The key server did not answer. Try again in a moment.',
      });
      expect(app.logger.lines.filter((line) => /The key server .* fails: ./.test(line))).toHaveLength(1);
    });
  });

  it('are asked for a bounded number of times while the server fails, whatever key ids tokens name', async () => {
    const app = await startApp();
    server.mode = 'fails';
    const startedAt = performance.now();
    const { privateKey } = await makeKey('one');
    const made = await Promise.all(numbers(40).map((n) => signWith(privateKey, `invented-${n}`)));
    for (let round = 0; round < 5; round += 1) {
      const answers = await Promise.all(made.map((token) => app.get('/guarded', bearer(token))));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    }
    // A back-off is at least a second.
    expect(server.fetches).toBeLessThanOrEqual(1 + (performance.now() - startedAt) / 1_000);
  });

  it('are asked for at most once a second while the server answers, whatever key ids tokens name', async () => {
    const app = await startApp();
    const { jwk, privateKey } = await makeKey('one');
    server.keys.push(jwk);
    const startedAt = performance.now();
    for (const n of numbers(60)) {
      const answer = await app.get('/guarded', bearer(await signWith(privateKey, `invented-${n}`)));
      expect(answer.status).toBe(401);
    }
    expect(server.fetches).toBeLessThanOrEqual(2 + (performance.now() - startedAt) / 1_000);
  });

  describe('of a server that fails after it has answered', () => {
    const FAST = { freshMs: 20, cooldownMs: 1, deadlineMs: 300, backoff: { firstMs: 10, longestMs: 20 } };
    const open = async (
      staleIfErrorMs: number,
      times: typeof FAST = FAST,
    ): Promise<() => Promise<unknown>> => {
      server.keys.splice(0);
      const { jwk, privateKey } = await makeKey('one');
      server.keys.push(jwk);
      const keys = new RemoteKeys(new URL(jwksUrl), { ...times, staleIfErrorMs });
      const token = await signWith(privateKey, 'one');
      const verify = (): Promise<unknown> =>
        jwtVerify(token, keys.get).then(
          ({ payload }) => payload.sub,
          (error: Error) => error.name,
        );
      expect(await verify()).toBe('ada');
      return verify;
    };

    it.each(['fails', 'talks nonsense', 'is too large', 'dribbles'] as const)(
      'are used on while it %s, and again after it has recovered',
      async (mode) => {
        const verify = await open(60_000);
        server.mode = mode;
        server.fetches = 0;
        await eventually(async () => {
          expect(await verify()).toBe('ada');
          return server.fetches >= 2;
        });
        server.mode = 'answers';
        const before = server.fetches;
        await eventually(async () => {
          expect(await verify()).toBe('ada');
          return server.fetches > before;
        });
      },
    );

    describe('by a clock of the test', () => {
      const TIMES = { ...FAST, freshMs: 60_000, deadlineMs: 60_000 };
      let passedMs = 0;
      beforeEach(() => {
        passedMs = 0;
        const now = performance.now.bind(performance);
        jest.spyOn(performance, 'now').mockImplementation(() => now() + passedMs);
      });
      afterEach(() => {
        jest.restoreAllMocks();
        server.hangUp();
      });

      it('are used at once while they are fetched anew, if they were fresh a moment ago', async () => {
        const verify = await open(600_000, TIMES);
        server.mode = 'hangs';
        server.fetches = 0;
        passedMs = 100_000;
        expect(await verify()).toBe('ada');
        await eventually(() => server.fetches === 1);
      });

      it('are fetched before they are used again after a long time without requests', async () => {
        const verify = await open(600_000, TIMES);
        server.keys.splice(0, 1, (await makeKey('another')).jwk);
        passedMs = 130_000;
        expect(await verify()).toBe('JWKSNoMatchingKey');
      });

      it('are used at once after a failed fetch, however old, while that is allowed', async () => {
        const verify = await open(600_000, TIMES);
        server.mode = 'fails';
        passedMs = 130_000;
        expect(await verify()).toBe('ada');
        server.mode = 'hangs';
        server.fetches = 0;
        passedMs = 500_000;
        expect(await verify()).toBe('ada');
        await eventually(() => server.fetches === 1);
      });

      it('are fresh, also where less is allowed for a server that fails', async () => {
        const verify = await open(0, TIMES);
        server.mode = 'fails';
        passedMs = 50_000;
        expect(await verify()).toBe('ada');
        passedMs = 70_000;
        expect(await verify()).toBe('KeyServerUnavailableError');
        server.mode = 'answers';
        passedMs = 80_000;
        expect(await verify()).toBe('ada');
      });
    });

    it('are used for no longer than allowed', async () => {
      const verify = await open(50);
      server.mode = 'fails';
      await eventually(async () => (await verify()) === 'KeyServerUnavailableError');
      server.mode = 'answers';
      await eventually(async () => (await verify()) === 'ada');
    });
  });

  it('are not taken from another address that the server redirects to', async () => {
    const app = await startApp();
    server.mode = 'redirects';
    const { privateKey } = await makeKey('one');
    expect((await app.get('/guarded', bearer(await signWith(privateKey, 'one')))).status).toBe(503);
    expect(server.fetches).toBe(1);
  });

  it('verify known tokens while the server is unavailable', async () => {
    const app = await startApp();
    const { jwk, privateKey } = await makeKey('one');
    server.keys.push(jwk);
    const token = await signWith(privateKey, 'one');
    expect((await app.get('/guarded', bearer(token))).status).toBe(200);
    server.mode = 'fails';
    expect((await app.get('/guarded', bearer(token))).status).toBe(200);
  });
});
