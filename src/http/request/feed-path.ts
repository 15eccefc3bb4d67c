import { InvalidRequestError } from '../../contract/errors.js';
import { nameProblem, type FeedKey } from '../../contract/model/feed.js';

/** The feed that a path and a tenant (checked before) name. @throws {InvalidRequestError} */
export function readFeed(tenant: string, recipient: string): FeedKey {
  const problem = nameProblem(recipient);
  if (problem) throw new InvalidRequestError([{ field: 'recipient', problem }]);
  return { tenant, recipient };
}
