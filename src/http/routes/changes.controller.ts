import { Delete, HttpCode, Inject, Param, Post, Req, UseGuards } from '@nestjs/common';
import { InvalidRequestError } from '../../contract/errors.js';
import type { FeedKey } from '../../contract/model/feed.js';
import { idProblem, type Selection, type StateChange } from '../../contract/model/selection.js';
import type { InboxChanges, InboxCounts } from '../../contract/ports/inbox.js';
import { INBOX_CHANGES } from '../../contract/tokens.js';
import { MAX_RECIPIENT_BODY_BYTES } from '../request/body-limit.js';
import type { HttpRequest } from '../request/http-request.js';
import { jsonObject } from '../request/json-body.js';
import { refuseQuery } from '../request/page-query.js';
import { CurrentFeed } from '../credentials/recipient.guard.js';
import { AllowedMethodsGuard } from './allowed-methods.guard.js';
import { RecipientRoutes } from './route-decorators.js';

/**
 * `POST /v1/notifications/<change>` with `{ids}` or `{upTo}`: changes the state of notifications and answers the counts after the change.
 * Idempotent.
 */
@RecipientRoutes('v1/notifications')
export class ChangesController {
  constructor(@Inject(INBOX_CHANGES) private readonly changes: InboxChanges) {}

  @Post('read')
  @HttpCode(200)
  read(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<InboxCounts> {
    return this.#change(request, feed, 'read');
  }

  @Post('unread')
  @HttpCode(200)
  unread(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<InboxCounts> {
    return this.#change(request, feed, 'unread');
  }

  @Post('seen')
  @HttpCode(200)
  seen(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<InboxCounts> {
    return this.#change(request, feed, 'seen');
  }

  @Post('archive')
  @HttpCode(200)
  archive(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<InboxCounts> {
    return this.#change(request, feed, 'archive');
  }

  @Post('unarchive')
  @HttpCode(200)
  unarchive(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<InboxCounts> {
    return this.#change(request, feed, 'unarchive');
  }

  async #change(request: HttpRequest, feed: FeedKey, change: StateChange): Promise<InboxCounts> {
    refuseQuery(request);
    const body = await jsonObject(request, MAX_RECIPIENT_BODY_BYTES);
    // The port checks it: it takes selections from hosts as well.
    return this.changes.change(feed, change, body as unknown as Selection);
  }
}

/** `DELETE /v1/notifications/:id`. The first guard keeps it off `DELETE /v1/notifications/read` and the like. */
@RecipientRoutes('v1/notifications')
@UseGuards(AllowedMethodsGuard)
export class RemovalController {
  constructor(@Inject(INBOX_CHANGES) private readonly changes: InboxChanges) {}

  /** Deletes a notification from every page and device. Idempotent. */
  @Delete(':id')
  async remove(
    @Req() request: HttpRequest,
    @CurrentFeed() feed: FeedKey,
    @Param('id') id: string,
  ): Promise<InboxCounts> {
    refuseQuery(request);
    const problem = idProblem(id);
    if (problem) throw new InvalidRequestError([{ field: 'id', problem }]);
    return this.changes.change(feed, 'remove', { ids: [id] });
  }
}
