import type { Child } from '../child.js';
import type { PublishPlan } from '../load/http-publisher.js';
import type { StreamsPlan } from '../load/streams.js';
import type { QueueAddress } from '../queue.js';

/** A server under test, and how to talk to it. */
export interface Target {
  readonly name: string;
  readonly child: Child;
  readonly publishing: PublishPlan;
  /** Where jobs can be put instead; baselines have none. */
  readonly queue: QueueAddress | null;
  streams(users: readonly string[]): Promise<StreamsPlan>;
}
