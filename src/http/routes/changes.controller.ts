import {
  Controller,
  Delete,
  HttpCode,
  Inject,
  Param,
  Post,
  Req,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import type { FeedKey } from '../../contract/model/feed.js';
import type { InboxChanges, InboxCounts, StateChange } from '../../contract/ports/inbox.js';
import { INBOX_CHANGES } from '../../contract/tokens.js';
import { MAX_RECIPIENT_BODY_BYTES } from '../request/body-limit.js';
import type { HttpRequest } from '../request/http-request.js';
import { jsonObject } from '../request/json-body.js';
import { refuseQuery } from '../request/page-query.js';
import { PrivateAnswer } from '../response/private-answer.js';
import { ProblemFilter } from '../response/problem.filter.js';
import { CurrentFeed, RecipientGuard } from '../credentials/recipient.guard.js';
import { readId, readSelection } from '../request/selection.js';

/**
 * What a recipient does with notifications: `POST /v1/notifications/<change>` with `{ids}` or `{upTo}`, which may be repeated. Each answers
 * the counts after it.
 */
@Controller('v1/notifications')
@UseFilters(ProblemFilter)
@UseGuards(RecipientGuard)
@UseInterceptors(PrivateAnswer)
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
    return this.changes.change(feed, change, readSelection(body, change));
  }
}

/** `DELETE /v1/notifications/:id`. Apart, because its path takes any word: it comes after all that are words of ours. */
@Controller('v1/notifications')
@UseFilters(ProblemFilter)
@UseGuards(RecipientGuard)
@UseInterceptors(PrivateAnswer)
export class RemovalController {
  constructor(@Inject(INBOX_CHANGES) private readonly changes: InboxChanges) {}

  /** Gone from every page and device; repeating it does no more. */
  @Delete(':id')
  remove(
    @Req() request: HttpRequest,
    @CurrentFeed() feed: FeedKey,
    @Param('id') id: string,
  ): Promise<InboxCounts> {
    refuseQuery(request);
    return this.changes.change(feed, 'remove', { ids: [readId(id)] });
  }
}
