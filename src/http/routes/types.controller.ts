import { Get, Inject, Req } from '@nestjs/common';
import type { FeedKey } from '../../contract/model/feed.js';
import type { Preferences, TypeDescription } from '../../contract/ports/preferences.js';
import { PREFERENCES } from '../../contract/tokens.js';
import type { HttpRequest } from '../request/http-request.js';
import { refuseQuery } from '../request/page-query.js';
import { CurrentFeed } from '../credentials/recipient.guard.js';
import { RecipientRoutes } from './route-decorators.js';

/** `GET /v1/types`: the declared types, in the recipient's language, for a page of preferences. */
@RecipientRoutes('v1/types')
export class TypesController {
  constructor(@Inject(PREFERENCES) private readonly preferences: Preferences) {}

  @Get()
  async types(
    @Req() request: HttpRequest,
    @CurrentFeed() feed: FeedKey,
  ): Promise<{ readonly types: readonly TypeDescription[] }> {
    refuseQuery(request);
    return { types: await this.preferences.types(feed) };
  }
}
