import { HttpException, Inject, Logger, Req, Res, Sse } from '@nestjs/common';
import { EMPTY, type Observable } from 'rxjs';
import { cut } from '../../contract/cut.js';
import { NOW } from '../../contract/model/cursor.js';
import { isRetryable, RateLimitedError } from '../../contract/errors.js';
import type { Frame, Streams } from '../../contract/ports/stream.js';
import type { Tickets } from '../../contract/ports/tickets.js';
import { STREAMS, TICKETS } from '../../contract/tokens.js';
import { RecipientAuthenticator, type RecipientIdentity } from '../credentials/recipient-authenticator.js';
import { whileAuthenticated } from '../credentials/revalidation.js';
import { identityOfTicket, ticketOf } from '../credentials/stream-ticket.js';
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
    @Inject(TICKETS) private readonly tickets: Tickets,
  ) {}

  /**
   * The credential is checked here and not by a guard: a guard can only answer with a status, and an EventSource gives up on every status
   * but 200. A temporary failure (the key server is unavailable) is reported on a stream that ends.
   */
  @Sse('stream')
  async stream(@Req() request: HttpRequest, @Res() response: HttpResponse): Promise<Observable<Frame>> {
    const { position, lastEventId: given, eventName } = readStreamQuery(request);
    const ticket = ticketOf(request);
    // Its EventSource comes back with a used ticket. Without an id it would send no Last-Event-ID, and end at the 401.
    const lastEventId = ticket === null ? given : given || NOW;
    // Whoever looks at a link first must not use its ticket up.
    if (request.method === 'HEAD' && ticket !== null) return EMPTY;
    const identity = await this.#identify(() =>
      ticket === null
        ? this.recipients.authenticate(request)
        : identityOfTicket(this.tickets, ticket, request),
    );
    // Only the headers are needed; a stream would be opened and closed immediately.
    if (request.method === 'HEAD') return EMPTY;
    if (identity === 'unavailable') return this.streams.refuse('unavailable', lastEventId);
    if (identity === null) return this.streams.refuse('ticket-invalid', lastEventId);
    if (!(await this.#hasTokens(identity))) return this.streams.refuse('busy', lastEventId);
    const outlet = new ResponseOutlet(rawResponse(response));
    const open = (signal?: AbortSignal): Observable<Frame> =>
      this.streams.open({ ...identity, position, lastEventId, eventName, outlet, signal });
    // The request of a ticket has no credential that could be checked again; its stream ends with the credential.
    return ticket === null ? whileAuthenticated(this.recipients, request, identity, open) : open();
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

  /** @returns `unavailable` if the credential cannot be checked at present. @throws errors that are not temporary. */
  async #identify<Identity>(authenticate: () => Promise<Identity>): Promise<Identity | 'unavailable'> {
    try {
      return await authenticate();
    } catch (error) {
      const temporary = error instanceof HttpException ? error.getStatus() >= 500 : isRetryable(error);
      if (!temporary) throw error;
      this.#logger.error(
        `Cannot open a stream: ${printable(String(error), 1_000)}`,
        error instanceof Error ? cut(error.stack ?? '', 4_000) : undefined,
      );
      return 'unavailable';
    }
  }
}
