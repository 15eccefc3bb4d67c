import { HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { FeedKey } from '../../contract/model/feed.js';
import type { Chosen, InboxChanges } from '../../contract/ports/inbox.js';
import { INBOX_CHANGES } from '../../contract/tokens.js';
import type { HttpRequest } from '../request/http-request.js';
import { refuseQuery } from '../request/page-query.js';
import { CurrentFeed } from '../credentials/recipient.guard.js';
import { RecipientRoutes } from './route-decorators.js';

/** `POST /v1/notifications/:id/actions/:action`: chooses an action of a notification. The body is not read. */
@RecipientRoutes('v1/notifications')
export class ActionsController {
  constructor(@Inject(INBOX_CHANGES) private readonly changes: InboxChanges) {}

  @Post(':id/actions/:action')
  @HttpCode(200)
  async act(
    @Req() request: HttpRequest,
    @CurrentFeed() feed: FeedKey,
    @Param('id') id: string,
    @Param('action') action: string,
  ): Promise<Chosen> {
    refuseQuery(request);
    return this.changes.act(feed, id, action);
  }
}
