import type { FeedKey } from '../../contract/model/feed.js';
import type { HttpRequest } from '../request/http-request.js';

/** Whose feed a request may read, and until when. */
export interface RecipientIdentity {
  readonly feed: FeedKey;
  /** When the credential ends; `null` if it does not. */
  readonly expiresAt: Date | null;
}

/** Tells whose feed a request is about (G8: by the credential alone). Also the injection token. */
export abstract class RecipientAuthenticator {
  /** How often a credential without an end of its own is looked at again while a stream is open; `null`: never. */
  readonly revalidateMs: number | null = null;

  /**
   * @throws {UnauthenticatedError} if there is no credential, or none that is valid.
   * @throws {OriginNotAllowedError} if a cookie came with a request that another site may have caused.
   * @throws {InvalidRequestError} if a credential is in the URL.
   * @throws {KeyServerUnavailableError} if the credential cannot be checked for now.
   */
  abstract authenticate(request: HttpRequest): Promise<RecipientIdentity>;
}
