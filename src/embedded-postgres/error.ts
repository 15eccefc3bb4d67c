import { TidingsError } from '../contract/errors.js';

/** The embedded Postgres cannot run here, or does not run any more. The message says what to do about it. */
export class EmbeddedPostgresError extends TidingsError {
  readonly code = 'log-unavailable';
}

/** What a user can always do instead; ends the messages about machines that cannot run the embedded server. */
export const USE_YOUR_OWN = 'Set DATABASE_URL to use a Postgres of your own.';
