import { AsyncResource } from 'node:async_hooks';
import type { AppendResult, NewNotification } from '../../contract/ports/append.js';
import { frameBytes } from './append-batch.js';

/** One call of `append` and its outstanding items. As a resource it keeps its caller's context, which the shared batch is no part of. */
export class AppendCall extends AsyncResource {
  private readonly results: AppendResult[] = [];
  private waitingFor: number;
  private settled = false;

  constructor(
    count: number,
    private readonly resolve: (results: AppendResult[]) => void,
    private readonly reject: (error: unknown) => void,
  ) {
    super('TidingsAppendCall');
    this.waitingFor = count;
  }

  succeed(index: number, result: AppendResult): void {
    this.results[index] = result;
    this.waitingFor -= 1;
    if (this.waitingFor > 0 || this.settled) return;
    this.settled = true;
    this.resolve(this.results);
  }

  /** The other items of the call may still be committed. */
  fail(error: unknown): void {
    if (this.settled) return;
    this.settled = true;
    this.reject(error);
  }
}

/** One notification of a call. */
export interface Item {
  readonly notification: NewNotification;
  readonly call: AppendCall;
  /** The index in the call's results. */
  readonly index: number;
  readonly bytes: number;
  readonly urgent: boolean;
}

export function itemsOf(
  notifications: readonly NewNotification[],
  call: AppendCall,
  urgent: boolean,
): Item[] {
  return notifications.map((notification, index) => ({
    notification,
    call,
    index,
    bytes: frameBytes(notification),
    urgent,
  }));
}
