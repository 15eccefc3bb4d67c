import { headerOf, type HttpRequest } from '../request/http-request.js';

/**
 * The token of `Authorization: Bearer <token>`, or `null`. Another scheme counts as no token: a proxy's own Basic
 * authentication must not get in the way of the cookie.
 */
export function bearerToken(request: HttpRequest): string | null {
  const header = headerOf(request, 'authorization')?.trim() ?? '';
  if (!/^bearer(?: |$)/i.test(header)) return null;
  return header.slice('bearer'.length).trim();
}

/** Whether a text has the form of a JWT: three parts, of which the first is a JSON object in base64url. */
export function looksLikeJwt(token: string): boolean {
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(token);
}
