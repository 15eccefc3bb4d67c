import type { AnyNotificationType } from '../../contract/model/notification-type.js';
import type { TidingsOptions } from '../../contract/options/options.js';
import type { DevelopmentCredentials } from '../development-credentials.js';
import type { Settings } from './settings.js';

/** Values determined at the start, besides the settings. */
export interface Surroundings {
  /** The URL from `DATABASE_URL`, or of the embedded Postgres. */
  readonly databaseUrl: string;
  /** Set with {@link Settings.development}, else `null`. */
  readonly credentials: DevelopmentCredentials | null;
  readonly types: readonly AnyNotificationType[];
}

/** The module's options for these settings. */
export function toOptions({ options }: Settings, surroundings: Surroundings): TidingsOptions {
  const { databaseUrl: url, credentials, types } = surroundings;
  const { http } = options;
  return {
    ...options,
    database: { url, directUrl: options.database?.directUrl },
    http: credentials
      ? {
          ...http,
          jwt: { secret: credentials.jwtSecret },
          producerApiKeys: [
            ...(http?.producerApiKeys ?? []),
            // The demo announces to everybody.
            { key: credentials.producerApiKey, scopes: ['audiences'] },
          ],
        }
      : http,
    types: [...types],
  };
}
