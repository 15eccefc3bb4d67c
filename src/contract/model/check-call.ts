import { InvalidJobError, InvalidRequestError } from '../errors.js';
import { unknownNames } from '../unknown-keys.js';
import { isDeclaration, type AnyNotificationType } from './notification-type.js';
import type { Broadcast, NotifyRequest } from './notify.js';

type Names<T> = Readonly<Record<keyof T, true>>;

const EACH: Names<Omit<Broadcast, 'key'>> = {
  tenant: true,
  data: true,
  deliverAt: true,
  expiresAt: true,
  collapseKey: true,
};
const NOTIFY: Names<NotifyRequest> = { to: true, dedupeKey: true, ...EACH, tx: true };
const BROADCAST: Names<Broadcast> = { key: true, ...EACH };

/**
 * Validates the parts of a call that later checks rely on, even if the caller bypassed the types.
 *
 * @throws {InvalidRequestError} if the type is not a declaration.
 * @throws {InvalidJobError} naming each unknown field: a misspelt dedupe key must not go unnoticed.
 */
export function checkCall(call: 'notify' | 'notifyMany', type: AnyNotificationType, given: object): void {
  if (!isDeclaration(type)) {
    const problem = 'the first argument must be a declaration, made by defineNotification';
    throw new InvalidRequestError([{ field: 'type', problem }], `${call}: ${problem}.`);
  }
  const known = Object.keys(call === 'notify' ? NOTIFY : BROADCAST);
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new InvalidJobError(unknownNames(unknown, known, { what: 'field' }));
}
