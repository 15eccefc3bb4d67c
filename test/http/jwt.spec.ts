import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createSecretKey } from 'node:crypto';
import { SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { ALLOWED_ORIGIN, startHttpApp, SECRET, type HttpApp } from './http-app.js';
import { problemOf } from './problem-of.js';
import { bearer, inSeconds, sign } from './tokens.js';

describe('a JWT as the credential of a recipient', () => {
  let app: HttpApp;
  beforeAll(async () => {
    app = await startHttpApp({
      http: {
        jwt: {
          secret: SECRET,
          cookie: 'session',
          tenantClaim: 'org',
          issuer: 'https://id.example.com',
          audience: 'tidings',
        },
        allowedOrigins: [ALLOWED_ORIGIN],
      },
    });
  });
  beforeEach(() => void app.streams.opened.splice(0));
  afterAll(() => app.close());

  const claims = (others: JWTPayload = {}): JWTPayload => ({
    org: 'acme',
    iss: 'https://id.example.com',
    aud: 'tidings',
    ...others,
  });
  const token = (others?: JWTPayload, secret?: string): Promise<string> => sign(claims(others), secret);

  async function refusal(response: Response): Promise<string> {
    expect(response.status).toBe(401);
    const problem = await problemOf(response);
    expect(problem.code).toBe('unauthenticated');
    expect(app.streams.opened).toHaveLength(0);
    return problem.detail;
  }

  it('opens the feed of its sub and tenant, to its exp', async () => {
    const exp = inSeconds(60);
    const response = await app.get('/v1/stream', bearer(await token({ exp })));
    expect(response.status).toBe(200);
    await response.text();
    expect(app.streams.opened).toMatchObject([
      { feed: { tenant: 'acme', recipient: 'ada' }, expiresAt: new Date(exp * 1000) },
    ]);
  });

  it('is accepted with 30 days to go, with its exact end', async () => {
    const exp = inSeconds(30 * 86_400);
    await (await app.get('/v1/stream', bearer(await token({ exp })))).text();
    expect(app.streams.opened[0]?.expiresAt).toEqual(new Date(exp * 1000));
  });

  it.each([
    ['of Keycloak', { nonce: 'x', typ: 'Bearer' }],
    ['of Amazon Cognito', { nonce: 'x', token_use: 'access' }],
  ])('is accepted with a nonce if it says that it is an access token %s', async (_whose, others) => {
    expect((await app.get('/v1/stream', bearer(await token(others)))).status).toBe(200);
    expect(app.streams.opened).toHaveLength(1);
  });

  it('is required: without one the answer is a bare challenge', async () => {
    const response = await app.get('/v1/stream');
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await refusal(response)).toBe(
      'The credential is missing: send a token as Authorization: Bearer or in the cookie session.',
    );
  });

  it('is rejected once it has expired, also within the clock tolerance', async () => {
    for (const seconds of [-1, -100]) {
      const exp = inSeconds(seconds);
      const response = await app.get('/v1/stream', bearer(await token({ exp })));
      const message = `The token expired at ${new Date(exp * 1000).toISOString()}.`;
      expect(response.headers.get('www-authenticate')).toBe(
        `Bearer error="invalid_token", error_description="${message}"`,
      );
      expect(await refusal(response)).toBe(message);
    }
  });

  const refused: [string, () => Promise<string> | string, string | RegExp][] = [
    [
      'without exp',
      () => token({ exp: undefined }),
      'The token has no exp; only tokens that expire are accepted.',
    ],
    [
      'with an exp that is no date',
      () => token({ exp: 1e300 }),
      /more than ten years away; it is in seconds/,
    ],
    ['with an exp in milliseconds', () => token({ exp: Date.now() + 3_600_000 }), /more than ten years away/],
    ...(['nonce', 'at_hash', 'c_hash', 's_hash'] as const).map(
      (claim): [string, () => Promise<string>, string] => [
        `that is an ID token (${claim})`,
        () => token({ [claim]: 'x' }),
        `The token is an ID token (${claim}); send an access token instead.`,
      ],
    ),
    ['that is an ID token of Cognito', () => token({ token_use: 'id' }), /is an ID token \(token_use\)/],
    ['that is an ID token of Keycloak', () => token({ typ: 'ID' }), /is an ID token \(typ\)/],
    [
      'of another typ',
      () => sign(claims(), SECRET, 'logout+jwt'),
      /^The typ of the token is not JWT or at\+jwt/,
    ],
    ['not valid yet', () => token({ nbf: inSeconds(60) }), 'The token is not valid yet (nbf).'],
    [
      'signed with another secret',
      () => token({}, 'another secret of thirty-two bytes!!'),
      'The signature of the token does not match.',
    ],
    [
      'with alg none',
      () => new UnsecuredJWT({ sub: 'ada', ...claims() }).setExpirationTime('1h').encode(),
      /malformed|not allowed/,
    ],
    ['whose signature was cut off', async () => (await token()).replace(/[^.]+$/, ''), /signature|malformed/],
    ['with an algorithm that was not agreed on', () => hs512(), /algorithm that is not allowed/],
    ['that is no JWT', () => 'nonsense', /^The token is malformed: .* This looks like an API key\.$/],
    ['that is empty', () => '', /^The token is malformed: [^.]*\.$/],
    [
      'of another issuer',
      () => token({ iss: 'https://evil.example' }),
      'The iss of the token is not the trusted issuer.',
    ],
    [
      'for another audience',
      () => token({ aud: 'billing' }),
      'The aud of the token does not name this service.',
    ],
    ['without audience', () => token({ aud: undefined }), 'The token has no aud.'],
    ['without sub', () => token({ sub: undefined }), 'The sub of the token must be a string, not missing.'],
    ['with an empty sub', () => token({ sub: '' }), 'The sub of the token must not be empty.'],
    [
      'with a control character in its sub',
      () => token({ sub: 'ada\nbob' }),
      'The sub of the token must not contain control characters.',
    ],
    [
      'with a lone surrogate in its sub',
      () => token({ sub: 'ada\ud800' }),
      'The sub of the token must be well-formed Unicode (it has a lone surrogate).',
    ],
    ['with a sub that is too long', () => token({ sub: 'a'.repeat(257) }), /at most 256 characters, has 257/],
    [
      'without the tenant that is configured',
      () => token({ org: undefined }),
      'The tenant of the token (claim org) must be a string, not missing.',
    ],
    [
      'with an empty tenant',
      () => token({ org: '' }),
      'The tenant of the token (claim org) must not be empty.',
    ],
    [
      'with a tenant that is no text',
      () => token({ org: 7 }),
      'The tenant of the token (claim org) must be a string, not a number.',
    ],
  ];
  it.each(['JWT', 'at+jwt', 'application/at+JWT'])('may have the typ %s', async (typ) => {
    expect((await app.get('/v1/stream', bearer(await sign(claims(), SECRET, typ)))).status).toBe(200);
  });

  it.each(refused)('is rejected %s', async (_what, make, message) => {
    const response = await app.get('/v1/stream', bearer(await make()));
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token", error_desc/);
    const detail = await refusal(response);
    if (typeof message === 'string') expect(detail).toBe(message);
    else expect(detail).toMatch(message);
  });

  it.each(['token', 'access_token', 'jwt', 'authorization', 'Access-Token'])(
    'is rejected in the URL as %s, also beside a valid header, and is not echoed',
    async (name) => {
      const valid = await token();
      const response = await app.get(`/v1/stream?${name}=${valid}`, bearer(valid));
      expect(response.status).toBe(400);
      const problem = await problemOf(response);
      expect(problem).toMatchObject({
        code: 'invalid-request',
        errors: [
          {
            field: name,
            problem:
              'must not be in the URL, where logs keep it: send credentials in the Authorization header or a cookie',
          },
        ],
      });
      expect(JSON.stringify(problem)).not.toContain(valid);
      expect(app.streams.opened).toHaveLength(0);
    },
  );

  describe('a JWT in a cookie', () => {
    const withCookie = async (headers: Record<string, string>, path = '/v1/stream', method = 'GET') =>
      app.get(path, { method, headers: { cookie: `theme=dark; session=${await token()}; x`, ...headers } });

    it.each([
      ['an allowed Origin', { origin: ALLOWED_ORIGIN, 'sec-fetch-site': 'cross-site' }],
      ['an allowed Origin alone', { origin: ALLOWED_ORIGIN }],
      ['no Origin, from the same origin', { 'sec-fetch-site': 'same-origin' }],
      ['no Origin, typed by the user', { 'sec-fetch-site': 'none' }],
    ])('opens the feed with %s', async (_what, headers) => {
      const response = await withCookie(headers);
      expect(response.status).toBe(200);
      await response.text();
      expect(app.streams.opened).toMatchObject([{ feed: { recipient: 'ada' } }]);
    });

    it('opens the feed with an Origin that is this very host', async () => {
      const response = await withCookie({ origin: app.url, 'sec-fetch-site': 'same-origin' });
      expect(response.status).toBe(200);
      await response.text();
    });

    it.each([
      [
        'a foreign Origin',
        { origin: 'https://evil.example' },
        /"https:\/\/evil.example" may not use the cookie/,
      ],
      [
        'a foreign Origin that claims to be the same',
        { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
        /may not use the cookie/,
      ],
      ['the Origin null of a sandbox', { origin: 'null', 'sec-fetch-site': 'cross-site' }, /"null" may not/],
      ['an Origin that only begins as allowed', { origin: `${ALLOWED_ORIGIN}.evil.example` }, /may not use/],
      ['another site', { 'sec-fetch-site': 'cross-site' }, /must not come from another site/],
      ['a sibling subdomain', { 'sec-fetch-site': 'same-site' }, /must not come from another site/],
      ['neither header', {}, /needs an Origin/],
    ])('is rejected with %s', async (_what, headers, message) => {
      const response = await withCookie(headers);
      expect(response.status).toBe(403);
      const problem = await problemOf(response);
      expect(problem.code).toBe('origin-not-allowed');
      expect(problem.detail).toMatch(message);
      expect(app.streams.opened).toHaveLength(0);
    });

    it('gives way to a bearer token, which needs no Origin', async () => {
      const response = await app.get('/v1/stream', {
        headers: {
          authorization: `bearer ${await token({ sub: 'bob' })}`,
          cookie: `session=${await token()}`,
          origin: 'https://evil.example',
        },
      });
      expect(response.status).toBe(200);
      await response.text();
      expect(app.streams.opened).toMatchObject([{ feed: { recipient: 'bob' } }]);
    });

    it('does not help a bearer token that is wrong', async () => {
      const response = await app.get('/v1/stream', {
        headers: {
          authorization: 'Bearer nonsense',
          cookie: `session=${await token()}`,
          origin: ALLOWED_ORIGIN,
        },
      });
      expect(await refusal(response)).toMatch(/malformed/);
    });

    it("counts beside a proxy's Basic authentication", async () => {
      const response = await withCookie({ authorization: 'Basic YTpi', origin: ALLOWED_ORIGIN });
      expect(response.status).toBe(200);
      await response.text();
    });

    it('is rejected when it occurs twice with different values', async () => {
      const response = await app.get('/v1/stream', {
        headers: { cookie: `session=${await token({ sub: 'mallory' })}; session=${await token()}` },
      });
      expect(await refusal(response)).toBe('The cookie session came more than once, with different values.');
    });

    it('is read without its quotes, and is ignored when empty', async () => {
      const quoted = await app.get('/v1/stream', {
        headers: { cookie: `session="${await token()}"`, origin: ALLOWED_ORIGIN },
      });
      expect(quoted.status).toBe(200);
      await quoted.text();
      app.streams.opened.splice(0);
      const empty = await app.get('/v1/stream', { headers: { cookie: 'session=', origin: ALLOWED_ORIGIN } });
      expect(await refusal(empty)).toMatch(/^The credential is missing/);
    });
  });

  function hs512(): Promise<string> {
    return new SignJWT({ sub: 'ada', ...claims() })
      .setProtectedHeader({ alg: 'HS512' })
      .setExpirationTime('1h')
      .sign(createSecretKey(Buffer.from(SECRET)));
  }
});

describe('a JWT of a service with AUTH_JWT_TYP and AUTH_JWT_MAX_AGE', () => {
  let app: HttpApp;
  beforeAll(async () => {
    app = await startHttpApp({ http: { jwt: { secret: SECRET, typ: 'at+jwt', maxAgeSeconds: 600 } } });
  });
  beforeEach(() => void app.streams.opened.splice(0));
  afterAll(() => app.close());
  const open = async (claims: JWTPayload, typ: string | undefined): Promise<unknown> => {
    const response = await app.get('/v1/stream', bearer(await sign(claims, SECRET, typ)));
    return response.status === 200 ? (await response.text(), 200) : (await problemOf(response)).detail;
  };

  it('has that typ', async () => {
    const claims = { iat: inSeconds(0) };
    expect(await open(claims, 'at+jwt')).toBe(200);
    expect(await open(claims, 'application/at+jwt')).toBe(200);
    for (const typ of ['JWT', 'logout+jwt', undefined])
      expect(await open(claims, typ)).toMatch(
        /^The (typ of the token is not the expected one|token has no typ)\.$/,
      );
  });

  it('is valid for that long after its iat, and so is its stream', async () => {
    const iat = inSeconds(-540);
    expect(await open({ iat }, 'at+jwt')).toBe(200);
    expect(app.streams.opened[0]?.expiresAt).toEqual(new Date((iat + 600) * 1000));
    expect(await open({ iat: inSeconds(-601) }, 'at+jwt')).toBe('The token is older than 600 s.');
    expect(await open({ iat: inSeconds(60) }, 'at+jwt')).toBe('The iat of the token is in the future.');
    expect(await open({}, 'at+jwt')).toBe('The token has no iat, so its age is unknown.');
  });
});
