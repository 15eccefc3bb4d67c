import { HttpCode, Inject, Post, Req } from '@nestjs/common';
import type { FeedKey } from '../../contract/model/feed.js';
import { parseSnooze, type SnoozeRequest } from '../../contract/model/selection.js';
import type { InboxChanges, InboxCounts } from '../../contract/ports/inbox.js';
import { INBOX_CHANGES } from '../../contract/tokens.js';
import { MAX_RECIPIENT_BODY_BYTES } from '../request/body-limit.js';
import type { HttpRequest } from '../request/http-request.js';
import { jsonObject } from '../request/json-body.js';
import { refuseQuery } from '../request/page-query.js';
import { CurrentFeed } from '../credentials/recipient.guard.js';
import { RecipientRoutes } from './route-decorators.js';

/** Takes notifications out of the feed until a time, and brings them back before it. Answers the counts after the change. */
@RecipientRoutes('v1/notifications')
export class SnoozeController {
  constructor(@Inject(INBOX_CHANGES) private readonly changes: InboxChanges) {}

  /** `POST /v1/notifications/snooze` with `{ids, until}`. */
  @Post('snooze')
  @HttpCode(200)
  async snooze(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<InboxCounts> {
    refuseQuery(request);
    const body = await jsonObject(request, MAX_RECIPIENT_BODY_BYTES);
    // The port checks it: it takes requests from hosts as well.
    return this.changes.snooze(feed, body as unknown as SnoozeRequest);
  }

  /** `POST /v1/notifications/unsnooze` with `{ids}`. */
  @Post('unsnooze')
  @HttpCode(200)
  async unsnooze(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<InboxCounts> {
    refuseQuery(request);
    const body = await jsonObject(request, MAX_RECIPIENT_BODY_BYTES);
    return this.changes.unsnooze(feed, parseSnooze(body, ['ids']).ids);
  }
}
