import { ForbiddenError } from '../../contract/errors.js';
import type { KeyHolder } from './api-keys.js';

/**
 * Checks that a producer may announce to the target: one call reaches everybody.
 *
 * @param to The `to` of a notification or a recall, not validated yet.
 * @throws {ForbiddenError} if it is an audience and the key does not have the scope `audiences`.
 */
export function checkAudienceScope({ scopes }: KeyHolder, to: unknown): void {
  if (typeof to !== 'object' || to === null || Array.isArray(to) || scopes.has('audiences')) return;
  throw new ForbiddenError(
    'The API key may not announce to audiences: give it the scope "audiences" (a key in PRODUCER_API_KEYS ends in ";audiences").',
  );
}
