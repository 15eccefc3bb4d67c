/**
 * The service's options for `app.enableCors()`; a host configures its own. A list, never `*`: browsers refuse the wildcard with
 * credentials. Responses have `Vary: Origin`, and an origin outside of the list gets no CORS headers.
 */
export function corsOptions(allowedOrigins: readonly string[]) {
  return {
    origin: [...allowedOrigins],
    credentials: true,
    methods: ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'],
    allowedHeaders: [
      'Authorization',
      'Content-Type',
      'Idempotency-Key',
      'Last-Event-ID',
      'X-API-Key',
      'X-Request-Id',
    ],
    exposedHeaders: ['Retry-After', 'WWW-Authenticate', 'X-Request-Id'],
    // Chromium caches a preflight for two hours at most.
    maxAge: 7_200,
  };
}
