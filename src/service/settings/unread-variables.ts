import { nearest } from '../../contract/unknown-keys.js';

/** Variables of these names could only be meant for us, so that a greater distance still is a likely mistake. */
const OURS = /^(TIDINGS|AUTH|STREAM)_/i;
/** Kubernetes makes these for a Service called "tidings". */
const KUBERNETES = /^TIDINGS_(PORT|SERVICE)(_|$)/;

/** A warning for each variable that is set and not read but nearly has the name of one that is. */
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
