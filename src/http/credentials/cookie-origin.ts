import { OriginNotAllowedError } from '../../contract/errors.js';
import { headerOf, type HttpRequest } from '../request/http-request.js';

/**
 * Checks that a request which is authenticated by a cookie was caused by a page that we trust. Browsers add cookies
 * whoever caused the request, so the cookie alone proves nothing about the page (cross-site request forgery; for a stream
 * another site could at least hold connections). `Origin` and `Sec-Fetch-Site` cannot be set by a page's scripts.
 *
 * - `Origin` in the list: allowed.
 * - `Sec-Fetch-Site: same-origin`, and no `Origin` (browsers leave it out of same-origin GETs, so an EventSource of our
 *   own page has none) or one that is this host: allowed.
 * - `Sec-Fetch-Site: none`, no `Origin`, and a method that changes nothing: allowed. The user typed the URL or followed a bookmark; no
 *   page caused the request and none can read the answer.
 * - Everything else is refused, also a request with neither header. A client that is not a browser can send the token as a bearer.
 *
 * @throws {OriginNotAllowedError}
 */
export function checkCookieOrigin(request: HttpRequest, allowedOrigins: readonly string[]): void {
  const origin = headerOf(request, 'origin');
  const site = headerOf(request, 'sec-fetch-site');
  if (origin !== undefined) {
    if (allowedOrigins.includes(origin)) return;
    if (site === 'same-origin' && isThisHost(origin, headerOf(request, 'host'))) return;
    throw new OriginNotAllowedError(
      `The origin ${JSON.stringify(origin.slice(0, 200))} may not use the cookie; add it to the allowed origins.`,
    );
  }
  if (site === 'same-origin') return;
  if (site === 'none' && (request.method === 'GET' || request.method === 'HEAD')) return;
  throw new OriginNotAllowedError(
    site === undefined
      ? 'A request with a cookie needs an Origin (or Sec-Fetch-Site) header; outside browsers send the token as Authorization: Bearer.'
      : `A request with a cookie must not come from another site (Sec-Fetch-Site: ${JSON.stringify(site.slice(0, 50))}).`,
  );
}

function isThisHost(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
