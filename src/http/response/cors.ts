/**
 * CORS for our routes, for `app.enableCors()` of the service; in a host it is the host's business. A list, never `*`: browsers
 * refuse the wildcard with credentials. Answers carry `Vary: Origin`, and origins that are not in the list get no CORS headers.
 */
export function corsOptions(allowedOrigins: readonly string[]) {
  return {
    origin: [...allowedOrigins],
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'Last-Event-ID', 'X-API-Key'],
    exposedHeaders: ['Retry-After', 'WWW-Authenticate'],
    // Chromium keeps a preflight's answer for two hours at most.
    maxAge: 7_200,
  };
}
