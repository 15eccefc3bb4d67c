import { InvalidRequestError } from '../../contract/errors.js';
import { nameProblem, type FeedKey } from '../../contract/model/feed.js';

/** The feed of a path's recipient and a tenant, which is valid already. @throws {InvalidRequestError} */
export function readFeed(tenant: string, recipient: string): FeedKey {
  const problem = nameProblem(recipient);
  if (problem) throw new InvalidRequestError([{ field: 'recipient', problem }]);
  return { tenant, recipient };
}
