import { InvalidRequestError } from '../../contract/errors.js';
import type { Tickets } from '../../contract/ports/tickets.js';
import { headerOf, queryOf, type HttpRequest } from '../request/http-request.js';
import { refuseCredentialInUrl } from './credential-in-url.js';
import { InvalidTokenError } from './invalid-token.error.js';
import type { RecipientIdentity } from './recipient-authenticator.js';

/** The ticket of `?ticket=`, or `null`. @throws {InvalidRequestError} if it is given more than once, or beside a credential. */
export function ticketOf(request: HttpRequest): string | null {
  const [ticket = null, ...more] = queryOf(request).getAll('ticket');
  if (more.length > 0) throw new InvalidRequestError([{ field: 'ticket', problem: 'must be given once' }]);
  if (ticket !== null) refuseCredentialInUrl(request);
  return ticket;
}

/**
 * The identity that a ticket stands for; whatever else the request has is ignored.
 *
 * @returns `null` if the ticket is not valid and the request is that of an EventSource that reconnects by itself, with the URL that it had:
 * a status would end it without a word to the page.
 * @throws {InvalidTokenError} if the ticket is not valid.
 */
export async function identityOfTicket(
  tickets: Tickets,
  ticket: string,
  request: HttpRequest,
): Promise<RecipientIdentity | null> {
  const holder = await tickets.redeem(ticket);
  if (holder) return holder;
  if (headerOf(request, 'last-event-id')) return null;
  throw new InvalidTokenError('The ticket was used before, is too old or unknown: get another one.');
}
