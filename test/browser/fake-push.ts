import type { BellPush } from '../../src/browser/element/index.js';
import type { PushState } from '../../src/browser/push/types.js';

/** Web Push in memory: a test sets how it answers, and reads what was asked of it. */
export class FakePush implements BellPush {
  /** Such as `subscribe`; not that the state was asked for. */
  readonly calls: string[] = [];
  /** What every request fails with. */
  failure: Error | null = null;
  /** What the user answers to the browser's prompt. */
  permission: PushState = 'on';
  /** Set by a test, requests wait until it calls the function that is put into it. */
  answer: (() => void) | 'wanted' | null = null;

  constructor(private current: PushState = 'off') {}

  state(): Promise<PushState> {
    return this.failure ? Promise.reject(this.failure) : Promise.resolve(this.current);
  }

  subscribe(): Promise<PushState> {
    return this.change('subscribe', this.permission);
  }

  unsubscribe(): Promise<PushState> {
    return this.change('unsubscribe', 'off');
  }

  private async change(call: string, to: PushState): Promise<PushState> {
    this.calls.push(call);
    if (this.answer) await new Promise<void>((done) => (this.answer = done));
    if (this.failure) throw this.failure;
    return (this.current = to);
  }
}
