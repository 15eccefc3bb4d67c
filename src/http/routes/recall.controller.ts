import { HttpCode, Inject, Post, Req } from '@nestjs/common';
import { targetOf, type AudienceTarget } from '../../contract/model/audience.js';
import { ForbiddenError } from '../../contract/errors.js';
import { parseRecall } from '../../contract/model/job.js';
import type { Recaller, RecallOutcome } from '../../contract/ports/recall.js';
import { RECALLER } from '../../contract/tokens.js';
import { CurrentHolder } from '../credentials/api-key.guard.js';
import type { KeyHolder } from '../credentials/api-keys.js';
import { inOwnTenant } from '../credentials/own-tenant.js';
import { checkAudienceScope } from '../credentials/audience-scope.js';
import { MAX_BODY_BYTES } from '../request/body-limit.js';
import type { HttpRequest } from '../request/http-request.js';
import { jsonObject } from '../request/json-body.js';
import { refuseQuery } from '../request/page-query.js';
import { pseudonym } from '../response/pseudonym.js';
import { audit } from './audit-log.js';
import { ProducerRoutes } from './route-decorators.js';

/** The result of a recall for each recipient, in the order of `to`. */
export interface Recalled {
  readonly results: readonly { readonly to: string | AudienceTarget; readonly outcome: RecallOutcome }[];
}

/** `POST /v1/notifications/recall`: takes back what was sent under a dedupe key, or will be. */
@ProducerRoutes('v1/notifications/recall')
export class RecallController {
  constructor(@Inject(RECALLER) private readonly recaller: Recaller) {}

  @Post()
  @HttpCode(200)
  async recall(@Req() request: HttpRequest, @CurrentHolder() producer: KeyHolder): Promise<Recalled> {
    refuseQuery(request);
    const body = inOwnTenant(await jsonObject(request, MAX_BODY_BYTES), producer);
    checkAudienceScope(producer, body['to']);
    const { feeds, dedupeKey, sender = producer.name } = parseRecall(body);
    if (producer.name !== null && sender !== producer.name && !producer.scopes.has('any-sender')) {
      throw new ForbiddenError(
        `The API key of ${producer.name} may not recall what other producers have sent (scope "any-sender").`,
      );
    }
    const outcomes = await this.recaller.recall(feeds, dedupeKey, sender);
    audit(
      producer,
      `recalls the dedupe key ${pseudonym([dedupeKey])} from ${feeds.length} recipients: ${counted(outcomes)}`,
    );
    return { results: feeds.map((feed, index) => ({ to: targetOf(feed), outcome: outcomes[index]! })) };
  }
}

function counted(outcomes: readonly RecallOutcome[]): string {
  const counts = new Map<string, number>();
  for (const outcome of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ');
}
