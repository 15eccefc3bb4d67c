/** Something that this process cannot do its work without. */
export interface ReadinessCheck {
  /** A word for `/readyz`, such as `postgres` or `queue`. */
  readonly name: string;
  /**
   * Resolves if it answers, rejects if not. It need not limit its own time, and it is not called again while an earlier call is
   * pending.
   */
  check(): Promise<unknown>;
}

/** How many jobs are in each state of the queue (`waiting`, `active`, `delayed`, `failed`, ...). */
export type QueueDepth = () => Promise<Readonly<Record<string, number>>>;
