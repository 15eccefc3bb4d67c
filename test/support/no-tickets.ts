import type { Tickets } from '../../src/contract/ports/tickets.js';

/** For streams that no ticket opens. */
export const NO_TICKETS: Tickets = {
  issue: () => Promise.reject(new Error('There are no tickets.')),
  redeem: () => Promise.resolve(null),
  revoke: () => Promise.resolve(),
};
