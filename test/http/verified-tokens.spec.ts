import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { JwtVerifier } from '../../src/http/credentials/jwt-verifier.js';
import { VerifiedTokens, type VerifiedToken } from '../../src/http/credentials/verified-tokens.js';
import { SECRET } from './http-app.js';
import { inSeconds, sign } from './tokens.js';

describe('a token that was verified before', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is not verified again', async () => {
    const verifier = new JwtVerifier({ secret: SECRET });
    const token = await sign({ sub: 'ada', exp: inSeconds(60) });
    const verify = jest.spyOn(crypto.subtle, 'verify');
    const first = await verifier.verify(token);
    expect(await verifier.verify(token)).toEqual(first);
    expect(verify).toHaveBeenCalledTimes(1);
  });

  it('is refused from the moment it expires', async () => {
    const verifier = new JwtVerifier({ secret: SECRET });
    const exp = inSeconds(60);
    const token = await sign({ sub: 'ada', exp });
    await verifier.verify(token);
    const now = jest.spyOn(Date, 'now').mockReturnValue(exp * 1_000 - 1);
    await verifier.verify(token);
    now.mockReturnValue(exp * 1_000);
    await expect(verifier.verify(token)).rejects.toThrow('The token expired at');
  });

  it('does not help one that differs in any character', async () => {
    const verifier = new JwtVerifier({ secret: SECRET });
    const token = await sign({ sub: 'ada', exp: inSeconds(60) });
    await verifier.verify(token);
    const [header, payload, signature] = token.split('.');
    const forged = Buffer.from(JSON.stringify({ sub: 'bob', exp: inSeconds(60) })).toString('base64url');
    await expect(verifier.verify(`${header}.${forged}.${signature}`)).rejects.toThrow('does not match');
    await expect(verifier.verify(`${header}.${payload}.`)).rejects.toThrow();
  });
});

describe('the memory of verified tokens', () => {
  it('forgets the longest unused ones', () => {
    const tokens = new VerifiedTokens(2);
    const verified = (sub: string) => ({ payload: { sub } }) as VerifiedToken;
    tokens.add('a', verified('a'));
    tokens.add('b', verified('b'));
    expect(tokens.get('a')?.payload.sub).toBe('a');
    tokens.add('c', verified('c'));
    expect(['a', 'b', 'c'].map((token) => tokens.get(token)?.payload.sub)).toEqual(['a', undefined, 'c']);
  });
});
