/**
 * Injection tokens of the ports and the options, one per interface: interfaces do not exist at run time.
 * Stages inject these and the composition root binds them; no stage knows the implementation of a port.
 */

/** {@link ResolvedOptions} */
export const RESOLVED_OPTIONS = Symbol('tidings:resolved-options');
/** {@link Streams} */
export const STREAMS = Symbol('tidings:streams');
/** {@link Producer} */
export const PRODUCER = Symbol('tidings:producer');
/** {@link Notifier} */
export const NOTIFIER = Symbol('tidings:notifier');
/** {@link Appender} */
export const APPENDER = Symbol('tidings:appender');
/** {@link Sql} */
export const SQL = Symbol('tidings:sql');
/** {@link FeedReader} */
export const FEED_READER = Symbol('tidings:feed-reader');
/** {@link FeedReader} that opens feeds for their recipients: what is newer in their audiences is taken first. */
export const TAKING_READER = Symbol('tidings:taking-reader');
/** {@link AudienceTaker} */
export const AUDIENCE_TAKER = Symbol('tidings:audience-taker');
/** {@link LiveBus} */
export const LIVE_BUS = Symbol('tidings:live-bus');
/** {@link LiveFeeds} */
export const LIVE_FEEDS = Symbol('tidings:live-feeds');
/** {@link Inbox} */
export const INBOX = Symbol('tidings:inbox');
/** {@link InboxChanges} */
export const INBOX_CHANGES = Symbol('tidings:inbox-changes');
/** {@link Preferences} */
export const PREFERENCES = Symbol('tidings:preferences');
/** {@link Recaller} */
export const RECALLER = Symbol('tidings:recaller');
/** {@link Eraser} */
export const ERASER = Symbol('tidings:eraser');
/** {@link LogEraser} */
export const LOG_ERASER = Symbol('tidings:log-eraser');
/** {@link QueueEraser} */
export const QUEUE_ERASER = Symbol('tidings:queue-eraser');
/** {@link IdempotencyKeys} */
export const IDEMPOTENCY_KEYS = Symbol('tidings:idempotency-keys');
/** {@link DropLog} */
export const DROP_LOG = Symbol('tidings:drop-log');
/** {@link SupportView} */
export const SUPPORT_VIEW = Symbol('tidings:support-view');
/** {@link Tickets} */
export const TICKETS = Symbol('tidings:tickets');
/** {@link PushSubscriptions} */
export const PUSH_SUBSCRIPTIONS = Symbol('tidings:push-subscriptions');
/** {@link PushTargets} */
export const PUSH_TARGETS = Symbol('tidings:push-targets');
/** {@link JobCanceller} */
export const JOB_CANCELLER = Symbol('tidings:job-canceller');
/** An array of {@link ReadinessCheck}, run by `/readyz`. */
export const READINESS_CHECKS = Symbol('tidings:readiness-checks');
/** {@link QueueDepth} */
export const QUEUE_DEPTH = Symbol('tidings:queue-depth');
