import { SignJWT, type JWTPayload } from 'jose';
import { SECRET } from './http-app.js';

export const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;

/** A token that is valid unless the claims say otherwise; a claim that is `undefined` is left out. */
export function sign(claims: JWTPayload = {}, secret = SECRET, typ?: string): Promise<string> {
  const all = { sub: 'ada', exp: inSeconds(3_600), ...claims };
  const present = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return new SignJWT(present)
    .setProtectedHeader({ alg: 'HS256', typ })
    .sign(new TextEncoder().encode(secret));
}

export const bearer = (token: string): RequestInit => ({ headers: { authorization: `Bearer ${token}` } });
