import type { FeedKey } from '../../contract/model/feed.js';
import type { HttpRequest } from '../request/http-request.js';

/** The feed that a request may read, and until when. */
export interface RecipientIdentity {
  readonly feed: FeedKey;
  /** The recipient's audiences, each once, with `all`. */
  readonly audiences: readonly string[];
  /** When the credential expires; `null`: never. */
  readonly expiresAt: Date | null;
}

/** Identifies the recipient of a request, by the credential alone (G8). Also the injection token. */
export abstract class RecipientAuthenticator {
  /** The interval at which a credential without an expiry is checked again while a stream is open; `null`: never. */
  readonly revalidateMs: number | null = null;

  /**
   * @throws {UnauthenticatedError} if the credential is missing or not valid.
   * @throws {OriginNotAllowedError} if a cookie came with a request that another site may have caused.
   * @throws {InvalidRequestError} if a credential is in the URL.
   * @throws {KeyServerUnavailableError} if the key server is unavailable.
   */
  abstract authenticate(request: HttpRequest): Promise<RecipientIdentity>;
}
