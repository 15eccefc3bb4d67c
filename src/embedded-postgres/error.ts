import { TidingsError } from '../contract/errors.js';

/** The embedded Postgres cannot run here, or is no longer running. The message explains how to fix it. */
export class EmbeddedPostgresError extends TidingsError {
  readonly code = 'log-unavailable';
}

/** The alternative that always works; ends messages about machines that cannot run the embedded server. */
export const USE_YOUR_OWN = 'Set DATABASE_URL to use a Postgres of your own.';
