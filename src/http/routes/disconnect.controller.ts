import { HttpCode, Inject, Logger, Param, Post, Req } from '@nestjs/common';
import type { Streams } from '../../contract/ports/stream.js';
import { STREAMS } from '../../contract/tokens.js';
import { CurrentHolder } from '../credentials/api-key.guard.js';
import type { KeyHolder } from '../credentials/api-keys.js';
import { readFeed } from '../request/feed-path.js';
import type { HttpRequest } from '../request/http-request.js';
import { readTenant } from '../request/page-query.js';
import { pseudonym } from '../response/pseudonym.js';
import { AdminRoutes } from './route-decorators.js';

/** `POST /v1/feeds/:recipient/disconnect?tenant=`: ends a recipient's streams on all instances, with `revoked`. */
@AdminRoutes('v1/feeds/:recipient/disconnect')
export class DisconnectController {
  readonly #logger = new Logger('TidingsDisconnect');

  constructor(@Inject(STREAMS) private readonly streams: Streams) {}

  /** 202: the other instances hear of it over the live bus. A client whose credential is still valid reconnects. */
  @Post()
  @HttpCode(202)
  disconnect(
    @Req() request: HttpRequest,
    @CurrentHolder() { id }: KeyHolder,
    @Param('recipient') recipient: string,
  ): object {
    const feed = readFeed(readTenant(request) ?? '', recipient);
    this.#logger.log(
      `The admin key ${id} ends the streams of the recipient ${pseudonym([feed.tenant, feed.recipient])}`,
    );
    this.streams.disconnect([feed]);
    return {};
  }
}
