import { HttpException, Inject, Logger, Req, Res, Sse } from '@nestjs/common';
import { EMPTY, type Observable } from 'rxjs';
import { cut } from '../../contract/cut.js';
import { isRetryable, RateLimitedError } from '../../contract/errors.js';
import type { Frame, Streams } from '../../contract/ports/stream.js';
import { STREAMS } from '../../contract/tokens.js';
import { RecipientAuthenticator, type RecipientIdentity } from '../credentials/recipient-authenticator.js';
import { whileAuthenticated } from '../credentials/revalidation.js';
import { RateLimits } from '../limits/rate-limits.js';
import { rawResponse, type HttpRequest, type HttpResponse } from '../request/http-request.js';
import { printable } from '../../platform/logging/printable.js';
import { ResponseOutlet } from '../response/response-outlet.js';
import { readStreamQuery } from '../request/stream-query.js';
import { TidingsRoutes } from './route-decorators.js';

/** `GET /v1/stream`: a feed, live. */
@TidingsRoutes('v1')
export class StreamController {
  readonly #logger = new Logger('TidingsHttp');

  constructor(
    @Inject(STREAMS) private readonly streams: Streams,
    @Inject(RecipientAuthenticator) private readonly recipients: RecipientAuthenticator,
    @Inject(RateLimits) private readonly limits: RateLimits,
  ) {}

  /**
   * The credential is checked here and not by a guard: a guard can only answer with a status, and an EventSource gives up on every status
   * but 200. A temporary failure (the key server is unavailable) is reported on a stream that ends.
   */
  @Sse('stream')
  async stream(@Req() request: HttpRequest, @Res() response: HttpResponse): Promise<Observable<Frame>> {
    const { position, lastEventId, eventName } = readStreamQuery(request);
    const identity = await this.#identify(request);
    // Only the headers are needed; a stream would be opened and closed immediately.
    if (request.method === 'HEAD') return EMPTY;
    if (!identity) return this.streams.refuse('unavailable', lastEventId);
    if (!(await this.#hasTokens(identity))) return this.streams.refuse('busy', lastEventId);
    const outlet = new ResponseOutlet(rawResponse(response));
    return whileAuthenticated(this.recipients, request, identity, (signal) =>
      this.streams.open({ ...identity, position, lastEventId, eventName, outlet, signal }),
    );
  }

  /** A client that opens streams too often is asked to wait, and not with 429: an EventSource would give up. */
  async #hasTokens({ feed }: RecipientIdentity): Promise<boolean> {
    try {
      await this.limits.takeRecipient(feed);
      return true;
    } catch (error) {
      if (error instanceof RateLimitedError) return false;
      throw error;
    }
  }

  /** @returns `null` if the credential cannot be checked at present. @throws errors that are not temporary. */
  async #identify(request: HttpRequest): Promise<RecipientIdentity | null> {
    try {
      return await this.recipients.authenticate(request);
    } catch (error) {
      const temporary = error instanceof HttpException ? error.getStatus() >= 500 : isRetryable(error);
      if (!temporary) throw error;
      this.#logger.error(
        `Cannot open a stream: ${printable(String(error), 1_000)}`,
        error instanceof Error ? cut(error.stack ?? '', 4_000) : undefined,
      );
      return null;
    }
  }
}
