import { UnauthenticatedError } from '../../contract/errors.js';
import { audiencesOf, audiencesProblem } from '../../contract/model/audience.js';
import { nameProblem, tenantProblem } from '../../contract/model/feed.js';
import type { HttpOptions } from '../../contract/options/options.js';
import type { HttpRequest } from '../request/http-request.js';
import { CredentialExpiredError } from './credential-expired.error.js';
import { RecipientAuthenticator, type RecipientIdentity } from './recipient-authenticator.js';

/** Identifies recipients with the host's own `identify`, which runs behind the host's guards and reads any credential it likes. */
export class HostAuthenticator extends RecipientAuthenticator {
  constructor(
    private readonly identify: NonNullable<HttpOptions['identify']>,
    override readonly revalidateMs: number | null,
  ) {
    super();
  }

  async authenticate(request: HttpRequest): Promise<RecipientIdentity> {
    const identity = await this.identify(request);
    // `undefined` as well: a JavaScript host may leave out the return.
    if (identity === null || identity === undefined) {
      throw new UnauthenticatedError('The request has no valid credential.');
    }
    // A malformed identity is a bug of the host. It must not become a feed (two users could share one), and its text is logged, not sent.
    const wrong = (what: string): Error =>
      new TypeError(`http.identify returned an invalid identity: ${what}.`);
    if (typeof identity !== 'object') throw new TypeError('http.identify must return an identity or null.');
    const { recipient, tenant = '', audiences = [], expiresAt = null } = identity;
    const problem = nameProblem(recipient);
    if (problem) throw wrong(`recipient ${problem}`);
    const problemOfTenant = tenantProblem(tenant);
    if (problemOfTenant) throw wrong(`tenant ${problemOfTenant}`);
    const problemOfAudiences = audiencesProblem(audiences);
    if (problemOfAudiences) throw wrong(`audiences ${problemOfAudiences}`);
    if (expiresAt !== null && !(expiresAt instanceof Date && !Number.isNaN(expiresAt.getTime()))) {
      throw wrong('expiresAt is not a valid Date');
    }
    if (expiresAt && expiresAt.getTime() <= Date.now()) {
      throw new CredentialExpiredError(`The credential expired at ${expiresAt.toISOString()}.`);
    }
    return { feed: { tenant, recipient }, audiences: audiencesOf(audiences), expiresAt };
  }
}
