import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

/** What is known about the call that is being handled. Log lines and jobs carry it. */
export interface CallContext {
  readonly requestId: string;
}

const calls = new AsyncLocalStorage<CallContext | undefined>();

/** The call that is being handled; `undefined` outside of one, and in a host, whose requests have no id of ours. */
export function currentCall(): CallContext | undefined {
  return calls.getStore();
}

/** Runs the work, and everything that it starts, as a part of this call. */
export function inCall<Result>(call: CallContext, work: () => Result): Result {
  return calls.run(call, work);
}

/** Made while this module is loaded, when no request is handled, and so with no request's call, trace or other context. */
const outside = new AsyncResource('TidingsOutsideOfCalls');

/**
 * Runs the work, and everything that it starts, as a part of no call and of no trace: for what concerns everybody (batches, shared
 * connections, timers) and is only begun by the call that came first.
 */
export function outsideOfCalls<Result>(work: () => Result): Result {
  return outside.runInAsyncScope(work);
}

const WELL_FORMED = /^[\w.:/+=@-]{1,128}$/;

/** Whether a text may be a request id: it goes into logs, headers and jobs. */
export function isRequestId(text: unknown): text is string {
  return typeof text === 'string' && WELL_FORMED.test(text);
}
