/** A dependency that this process requires. */
export interface ReadinessCheck {
  /** The name in `/readyz`, such as `postgres` or `queue`. */
  readonly name: string;
  /**
   * Resolves if the dependency answers, otherwise rejects. It need not limit its own time, and is not called
   * again while an earlier call is pending.
   */
  check(): Promise<unknown>;
}

/** How many jobs are in each state of the queue (`waiting`, `active`, `delayed`, `failed`, ...). */
export type QueueDepth = () => Promise<Readonly<Record<string, number>>>;
