import { ForbiddenError } from '../../contract/errors.js';
import type { KeyHolder } from './api-keys.js';

type Body = Readonly<Record<string, unknown>>;

/**
 * A producer's body with the tenant that its key is bound to, if it is bound and the body names none.
 *
 * @throws {ForbiddenError} if the body names another tenant.
 */
export function inOwnTenant(body: Body, { tenant }: KeyHolder): Body {
  if (tenant === null || body['tenant'] === tenant) return body;
  if (body['tenant'] === undefined) return { ...body, tenant };
  throw new ForbiddenError(`The API key is bound to the tenant ${JSON.stringify(tenant)}.`);
}
