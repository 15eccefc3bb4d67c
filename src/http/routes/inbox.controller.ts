import { Controller, Get, Header, Inject, Req, UseFilters, UseGuards, UseInterceptors } from '@nestjs/common';
import type { FeedKey } from '../../contract/model/feed.js';
import type { Inbox, InboxCounts } from '../../contract/ports/inbox.js';
import { INBOX } from '../../contract/tokens.js';
import type { HttpRequest } from '../request/http-request.js';
import { pageJson } from '../response/page-json.js';
import { readPageQuery, refuseQuery } from '../request/page-query.js';
import { PrivateAnswer } from '../response/private-answer.js';
import { ProblemFilter } from '../response/problem.filter.js';
import { CurrentFeed, RecipientGuard } from '../credentials/recipient.guard.js';

/** `/v1/notifications` as its recipient sees it. */
@Controller('v1/notifications')
@UseFilters(ProblemFilter)
@UseGuards(RecipientGuard)
@UseInterceptors(PrivateAnswer)
export class InboxController {
  constructor(@Inject(INBOX) private readonly inbox: Inbox) {}

  /** `GET /v1/notifications`: a page, newest first. */
  @Get()
  @Header('Content-Type', 'application/json')
  async page(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<string> {
    return pageJson(await this.inbox.page(feed, readPageQuery(request)));
  }

  /** `GET /v1/notifications/count`: what the bell shows. */
  @Get('count')
  async count(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<InboxCounts> {
    refuseQuery(request);
    return this.inbox.count(feed);
  }
}
