import { NOTHING } from './environment.js';

/** Marks a promise as handled: callers need not catch its error, because listeners receive it. */
export function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(NOTHING);
  return promise;
}
