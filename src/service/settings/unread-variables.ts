import { nearest } from '../../contract/unknown-keys.js';

/** Variables with these names can only be meant for Tidings, so that even a greater distance is a likely mistake. */
const OURS = /^(TIDINGS|AUTH|STREAM)_/i;
/** Kubernetes sets these for a Service called "tidings". */
const KUBERNETES = /^TIDINGS_(PORT|SERVICE)(_|$)/;

/** A warning for each variable that is set but unknown, and whose name is close to a known one. */
export function unreadVariables(set: readonly string[], known: readonly string[]): string[] {
  // In short names two letters are half of the word.
  const long = known.filter((name) => name.length >= 8);
  return set
    .filter((name) => !known.includes(name) && !KUBERNETES.test(name))
    .flatMap((name) => {
      const near = nearest(name, long, OURS.test(name) ? 4 : 2);
      return near ? [`${name} is set but not read; did you mean ${near}?`] : [];
    });
}
