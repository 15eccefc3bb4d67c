import type { FeedKey } from '../feed.js';

/** What an erasure removed. */
export interface ErasureReport {
  readonly feeds: number;
  readonly entries: number;
  /** Jobs taken off the queue, or rid of this recipient, whatever their state. */
  readonly jobs: number;
}

/**
 * Erases recipients, or whole tenants, for good (GDPR, article 17). Their streams end with `feed.closing` and the reason `revoked`, their jobs
 * leave the queue, and of their rows only a hash with the time stays, so that a job from before cannot bring anything back.
 * Whoever comes back afterwards has a new feed with a new epoch.
 */
export interface Eraser {
  /** Safe to repeat, also after a failure in the middle. @throws {LogUnavailableError} @throws {QueueUnavailableError} */
  eraseRecipient(feed: FeedKey): Promise<ErasureReport>;
  /** As {@link eraseRecipient}, for all recipients of a tenant. */
  eraseTenant(tenant: string): Promise<ErasureReport>;
}
