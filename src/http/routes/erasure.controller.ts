import { Delete, Inject, Logger, Param, Req } from '@nestjs/common';
import { InvalidRequestError } from '../../contract/errors.js';
import type { Eraser, ErasureReport } from '../../contract/ports/erase.js';
import { ERASER } from '../../contract/tokens.js';
import { CurrentHolder } from '../credentials/api-key.guard.js';
import type { KeyHolder } from '../credentials/api-keys.js';
import { readFeed } from '../request/feed-path.js';
import type { HttpRequest } from '../request/http-request.js';
import { readTenant } from '../request/page-query.js';
import { pseudonym } from '../response/pseudonym.js';
import { AdminRoutes } from './route-decorators.js';

/** `DELETE /v1/feeds...`: erases recipients and tenants, for good. */
@AdminRoutes('v1/feeds')
export class ErasureController {
  readonly #logger = new Logger('TidingsErasure');

  constructor(@Inject(ERASER) private readonly eraser: Eraser) {}

  /** `DELETE /v1/feeds/:recipient?tenant=`: erases one recipient, by default of the tenant `''`. */
  @Delete(':recipient')
  async recipient(
    @Req() request: HttpRequest,
    @CurrentHolder() holder: KeyHolder,
    @Param('recipient') recipient: string,
  ): Promise<ErasureReport> {
    const feed = readFeed(readTenant(request) ?? '', recipient);
    return this.#logged(holder, `the recipient ${pseudonym([feed.tenant, feed.recipient])}`, () =>
      this.eraser.eraseRecipient(feed),
    );
  }

  /**
   * `DELETE /v1/feeds?tenant=`: erases all recipients of a tenant. A script whose variable for the recipient or the tenant is empty must not
   * erase everybody, so the tenant is required and `/v1/feeds/` is not this path.
   */
  @Delete()
  async tenant(@Req() request: HttpRequest, @CurrentHolder() holder: KeyHolder): Promise<ErasureReport> {
    const tenant = readTenant(request);
    if (/\/(\?|$)/.test(request.url)) {
      throw new InvalidRequestError([
        {
          field: 'recipient',
          problem: 'must not be empty; to erase a whole tenant, leave out the "/" at the end of the path',
        },
      ]);
    }
    if (!tenant) {
      const problem = `must name the tenant whose recipients are all to be erased, is ${tenant === '' ? 'empty' : 'missing'}; recipients without a tenant are erased one by one`;
      throw new InvalidRequestError([{ field: 'tenant', problem }]);
    }
    return this.#logged(holder, `the tenant ${pseudonym([tenant])}`, () => this.eraser.eraseTenant(tenant));
  }

  async #logged(
    { id }: KeyHolder,
    whom: string,
    erase: () => Promise<ErasureReport>,
  ): Promise<ErasureReport> {
    this.#logger.log(`The admin key ${id} erases ${whom}`);
    const report = await erase();
    const { feeds, entries, jobs } = report;
    this.#logger.log(`Erased ${whom}: ${feeds} feeds, ${entries} entries, ${jobs} jobs`);
    return report;
  }
}
