import { HttpCode, Inject, Post, Req } from '@nestjs/common';
import type { IssuedTicket, Tickets } from '../../contract/ports/tickets.js';
import { TICKETS } from '../../contract/tokens.js';
import { CurrentRecipient } from '../credentials/recipient.guard.js';
import { RecipientAuthenticator, type RecipientIdentity } from '../credentials/recipient-authenticator.js';
import type { HttpRequest } from '../request/http-request.js';
import { refuseQuery } from '../request/page-query.js';
import { RecipientRoutes } from './route-decorators.js';

/** `POST /v1/tickets`: a ticket for `GET /v1/stream?ticket=`, for an EventSource that can send neither a header nor a cookie. */
@RecipientRoutes('v1/tickets')
export class TicketsController {
  constructor(
    @Inject(TICKETS) private readonly tickets: Tickets,
    @Inject(RecipientAuthenticator) private readonly recipients: RecipientAuthenticator,
  ) {}

  @Post()
  @HttpCode(201)
  issue(@Req() request: HttpRequest, @CurrentRecipient() identity: RecipientIdentity): Promise<IssuedTicket> {
    refuseQuery(request);
    return this.tickets.issue({ ...identity, expiresAt: this.endOf(identity) });
  }

  /** A stream without the credential cannot check it again: it ends when it would have been checked, and the page gets another ticket. */
  private endOf({ expiresAt }: RecipientIdentity): Date | null {
    const { revalidateMs } = this.recipients;
    return expiresAt ?? (revalidateMs === null ? null : new Date(Date.now() + revalidateMs));
  }
}
