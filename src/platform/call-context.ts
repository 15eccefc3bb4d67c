import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks';

/** What is known about the call that is being handled. Log lines and jobs carry it. */
export interface CallContext {
  /** Absent in a host, whose requests have no id of ours. */
  readonly requestId?: string;
  /** The id of the API key that the call was made with, which is a hash of the key. */
  readonly keyId?: string;
}

const calls = new AsyncLocalStorage<CallContext | undefined>();

/** The call that is being handled; `undefined` outside of one. */
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

/** Runs the work, and everything that it starts, as a part of this call, made with the API key of this id. */
export function withKeyId<Result>(keyId: string, work: () => Result): Result {
  return inCall({ ...currentCall(), keyId }, work);
}

const WELL_FORMED = /^[\w.:/+=@-]{1,128}$/;

/** Whether a text may be a request id: it goes into logs, headers and jobs. */
export function isRequestId(text: unknown): text is string {
  return typeof text === 'string' && WELL_FORMED.test(text);
}
