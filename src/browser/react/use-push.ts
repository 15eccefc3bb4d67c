import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import type { Push, PushState } from '../push/types.js';

/** The result of {@link usePush}. */
export interface UsePushResult {
  /** `null` until it is known, and on a server. */
  readonly state: PushState | null;
  /** Why the last request failed: a `FeedError`, or the browser's. `null` after one that did not. */
  readonly error: Error | null;
  /** Call it in the handler of a click. It rejects as that of `Push`; you need not catch that, as `error` has it as well. */
  readonly subscribe: () => Promise<PushState>;
  /** As {@link UsePushResult.subscribe}, without the need for a click. */
  readonly unsubscribe: () => Promise<PushState>;
}

interface Known extends Pick<UsePushResult, 'state' | 'error'> {
  readonly push: Push;
}

/**
 * Returns the state of Web Push in this browser, and the methods to change it. It asks for the state when it mounts, and for each other `push`.
 *
 * @param push what `createPush` of `tidings/push` returned. Create it once, outside of the component.
 */
export function usePush(push: Push): UsePushResult {
  const [known, setKnown] = useState<Known>({ push, state: null, error: null });
  /** The request whose answer is wanted: not one that a later one has overtaken, nor any of an unmounted component. */
  const wanted = useRef(0);
  const ask = useCallback(
    (method: 'state' | 'subscribe' | 'unsubscribe') => {
      const request = ++wanted.current;
      // In this same turn: the browser shows its prompt for a click alone.
      const answer = push[method]();
      answer.then(
        (state) => request === wanted.current && setKnown({ push, state, error: null }),
        (error: Error) =>
          request === wanted.current &&
          setKnown((before) => ({ push, state: before.push === push ? before.state : null, error })),
      );
      return answer;
    },
    [push],
  );
  useEffect(() => {
    void ask('state');
    return () => void wanted.current++;
  }, [ask]);
  // Another `push` is another user's: nothing of the former one is shown.
  const { state, error } = known.push === push ? known : { state: null, error: null };
  return useMemo(
    () => ({ state, error, subscribe: () => ask('subscribe'), unsubscribe: () => ask('unsubscribe') }),
    [state, error, ask],
  );
}
