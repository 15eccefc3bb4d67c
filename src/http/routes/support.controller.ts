import { Get, Header, Inject, Logger, Param, Req } from '@nestjs/common';
import type { SupportView } from '../../contract/ports/support.js';
import { SUPPORT_VIEW } from '../../contract/tokens.js';
import { CurrentHolder } from '../credentials/api-key.guard.js';
import type { KeyHolder } from '../credentials/api-keys.js';
import { readFeed } from '../request/feed-path.js';
import type { HttpRequest } from '../request/http-request.js';
import { pageJson } from '../response/page-json.js';
import { readSupportQuery } from '../request/page-query.js';
import { printable } from '../../platform/logging/printable.js';
import { SupportRoutes } from './route-decorators.js';

/** The support team's view of a feed. Besides erasure the only route whose path names a feed (G8), so each read is logged. */
@SupportRoutes('v1/feeds/:recipient/notifications')
export class SupportController {
  readonly #logger = new Logger('TidingsSupport');

  constructor(@Inject(SUPPORT_VIEW) private readonly view: SupportView) {}

  @Get()
  @Header('Content-Type', 'application/json')
  async feed(
    @Req() request: HttpRequest,
    @CurrentHolder() holder: KeyHolder,
    @Param('recipient') recipient: string,
  ): Promise<string> {
    const { tenant, page } = readSupportQuery(request);
    const feed = readFeed(tenant, recipient);
    // Logged before the read, so that none is missing, whatever its outcome.
    const whose = JSON.stringify(feed);
    this.#logger.log(`The support key ${holder.id} reads the feed ${printable(whose, 2_000)}`);
    const { dropped, ...rest } = await this.view.feed(feed, page);
    return pageJson(rest, { dropped });
  }
}
