import type { AudienceTaker } from '../../src/contract/ports/audience.js';
import type { AudienceMembers } from '../../src/stream/audience-members.js';

/** For streams whose recipients belong to no audience. */
export const NO_AUDIENCES: Pick<AudienceMembers, 'join'> = {
  join: () => Promise.resolve({ takeLater: () => {}, leave: () => {} }),
};

/** For feeds that are opened without audiences. */
export const NO_TAKER: AudienceTaker = {
  take: () => Promise.reject(new Error('There is nothing to take.')),
};
