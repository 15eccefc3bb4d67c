import { createHash } from 'node:crypto';
import type { FeedKey } from '../../contract/model/feed.js';
import type { Escalated, Escalation } from '../../contract/model/hooks.js';

/** A rule of the application, or of the module. */
export interface EscalationRule extends Omit<Escalation, 'handler'> {
  /**
   * For rules that most recipients do not need: whether each of these does. Such a rule is also left out while the queue is
   * unavailable, instead of refusing the notification.
   */
  readonly neededBy?: (feeds: readonly FeedKey[]) => Promise<readonly boolean[]>;
  /** @param done The names of the parts that are done, kept over the attempts. The handler adds to it. */
  readonly handler: (escalated: Escalated, done: Set<string>) => void | Promise<void>;
}

/** The data of an escalation job. It names the recipient as notification jobs do, so that an erasure finds it. */
export interface EscalationJob {
  readonly to: string;
  readonly tenant: string;
  readonly epoch: string;
  readonly seq: number;
}

/** The jobs of a rule for notifications. */
export function jobsOf({ name, afterMs }: EscalationRule, places: readonly EscalationJob[]) {
  return places.map((data) => ({ name, data, opts: { jobId: jobIdOf(name, data), delay: afterMs } }));
}

/** Deterministic for a notification and rule. BullMQ rejects integers and colons. */
function jobIdOf(rule: string, { to, tenant, epoch, seq }: EscalationJob): string {
  const text = JSON.stringify([rule, tenant, to, epoch, seq]);
  return `esc-${createHash('sha256').update(text).digest('base64url')}`;
}
