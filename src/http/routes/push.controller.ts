import { Delete, Get, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import type { FeedKey } from '../../contract/model/feed.js';
import type { PushSubscription } from '../../contract/model/push-subscription.js';
import type { PushState, PushSubscriptions, SubscribedBrowser } from '../../contract/ports/push.js';
import { PUSH_SUBSCRIPTIONS } from '../../contract/tokens.js';
import { CurrentFeed } from '../credentials/recipient.guard.js';
import { MAX_RECIPIENT_BODY_BYTES } from '../request/body-limit.js';
import type { HttpRequest } from '../request/http-request.js';
import { jsonObject } from '../request/json-body.js';
import { refuseQuery } from '../request/page-query.js';
import { RecipientRoutes } from './route-decorators.js';

/** `/v1/push`: the browsers of a recipient that get Web Push. */
@RecipientRoutes('v1/push')
export class PushController {
  constructor(@Inject(PUSH_SUBSCRIPTIONS) private readonly subscriptions: PushSubscriptions) {}

  @Get()
  async state(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<PushState> {
    refuseQuery(request);
    return this.subscriptions.state(feed);
  }

  @Post('subscriptions')
  @HttpCode(201)
  async subscribe(@Req() request: HttpRequest, @CurrentFeed() feed: FeedKey): Promise<SubscribedBrowser> {
    refuseQuery(request);
    const body = await jsonObject(request, MAX_RECIPIENT_BODY_BYTES);
    // The port checks it: it takes subscriptions from hosts as well.
    return this.subscriptions.add(feed, body as unknown as PushSubscription);
  }

  @Delete('subscriptions/:id')
  async unsubscribe(
    @Req() request: HttpRequest,
    @CurrentFeed() feed: FeedKey,
    @Param('id') id: string,
  ): Promise<PushState> {
    refuseQuery(request);
    return this.subscriptions.remove(feed, id);
  }
}
