import { Get, Header, Inject, Req } from '@nestjs/common';
import type { CategoryCounts, Inbox, InboxCounts } from '../../contract/ports/inbox.js';
import { INBOX } from '../../contract/tokens.js';
import type { HttpRequest } from '../request/http-request.js';
import { pageJson } from '../response/page-json.js';
import { readCountQuery, readPageQuery } from '../request/page-query.js';
import type { RecipientIdentity } from '../credentials/recipient-authenticator.js';
import { CurrentRecipient } from '../credentials/recipient.guard.js';
import { RecipientRoutes } from './route-decorators.js';

/** `/v1/notifications` as its recipient sees it. */
@RecipientRoutes('v1/notifications')
export class InboxController {
  constructor(@Inject(INBOX) private readonly inbox: Inbox) {}

  /** `GET /v1/notifications`: a page, newest first. */
  @Get()
  @Header('Content-Type', 'application/json')
  async page(
    @Req() request: HttpRequest,
    @CurrentRecipient() { feed, audiences }: RecipientIdentity,
  ): Promise<string> {
    return pageJson(await this.inbox.page(feed, readPageQuery(request), audiences));
  }

  /** `GET /v1/notifications/count`: what the bell shows; with `?by=category` also for each category. */
  @Get('count')
  async count(
    @Req() request: HttpRequest,
    @CurrentRecipient() { feed, audiences }: RecipientIdentity,
  ): Promise<InboxCounts | CategoryCounts> {
    return readCountQuery(request) === 'category'
      ? this.inbox.countByCategory(feed, audiences)
      : this.inbox.count(feed, audiences);
  }
}
