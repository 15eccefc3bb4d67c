export { TidingsModule } from './module/tidings.module.js';
export { TidingsService } from './module/tidings.service.js';
export type {
  FeedOf,
  InspectedItem,
  Inspection,
  Page,
  PageOptions,
  RecallRequest,
  Recalled,
  Selected,
  StreamCall,
} from './module/tidings.calls.js';
export type { ErasureReport } from './contract/ports/erase.js';
export type {
  PreferencesUpdate,
  RecipientPreferences,
  TypeDescription,
} from './contract/ports/preferences.js';
export type { PushState, SubscribedBrowser } from './contract/ports/push.js';
export type { PushSubscription } from './contract/model/push-subscription.js';
export type { Dropped, DropReason } from './contract/ports/support.js';
export type { ControllerOptions, TidingsModuleExtras } from './module/tidings.module-definition.js';
export {
  defineNotification,
  type AnyNotificationType,
  type LocalizedText,
  type NotificationType,
  type RenderContext,
  type Rendered,
} from './contract/model/notification-type.js';
export type { PostgresPool, PostgresClient, RedisConnectionLike } from './contract/options/connections.js';
export type {
  Acted,
  NotificationAction,
  NotificationContent,
  RenderedContent,
  Severity,
} from './contract/model/content.js';
export type {
  ActionsOptions,
  AudienceOptions,
  DeliveryMode,
  DatabaseOptions,
  DatabaseSettings,
  HttpOptions,
  Identity,
  JwtOptions,
  MigrateMode,
  PushOptions,
  QueueOptions,
  RedisOptions,
  ResolveLocales,
  RetentionOptions,
  Role,
  StreamOptions,
  TidingsOptions,
  WorkerOptions,
} from './contract/options/options.js';
export type { HttpRequest, HttpResponse } from './http/request/http-request.js';
export type { FeedKey } from './contract/model/feed.js';
export type { NotificationItem } from './contract/model/entry.js';
export type { JobData, JobSender } from './contract/model/job.js';
export type { ProducerApiKey, ProducerScope } from './contract/model/producer-key.js';
export type { AudienceTarget } from './contract/model/audience.js';
export type * from './contract/model/notify.js';
export type {
  ActedNotification,
  ActionJob,
  DeliveredNotification,
  Escalated,
  Escalation,
  Hooks,
  ReadNotifications,
} from './contract/model/hooks.js';
export type { CategoryCounts, Chosen, InboxCounts } from './contract/ports/inbox.js';
export type { RecallOutcome } from './contract/ports/recall.js';
export type { Enqueued, CancelOutcome, EnqueueOptions, Producer } from './contract/ports/produce.js';
export type {
  ClosingReason,
  Frame,
  ResetReason,
  StreamOutlet,
  StreamRequest,
  Streams,
  StreamState,
  StreamStates,
} from './contract/ports/stream.js';
export type { SpanAttributes, SpanRequest, TraceContext, Tracing } from './contract/ports/tracing.js';
export type { HandoverReason, Metrics, TraceIds } from './contract/ports/metrics.js';
export type { QueueDepth, ReadinessCheck } from './contract/ports/ops.js';
export { PRODUCER, QUEUE_DEPTH, READINESS_CHECKS, STREAMS } from './contract/tokens.js';
export {
  parseCursor,
  parseRequestedPosition,
  type Cursor,
  type RequestedPosition,
} from './contract/model/cursor.js';
export {
  AlreadyActedError,
  ERROR_TABLE,
  FeedBusyError,
  ForbiddenError,
  IdempotencyKeyReusedError,
  InvalidJobError,
  InvalidRequestError,
  InvalidSettingsError,
  KeyServerUnavailableError,
  LogUnavailableError,
  NotFoundError,
  OriginNotAllowedError,
  QueueUnavailableError,
  TidingsError,
  UnauthenticatedError,
  UnknownTypeError,
  type ErrorCode,
  type InvalidField,
} from './contract/errors.js';
export { announcement, newOrder, SHIPPED_TYPES, taskCompleted } from './types/shipped/index.js';
export {
  fromDrizzle,
  fromKnex,
  fromPrisma,
  type DrizzleSql,
  type DrizzleTransaction,
  type KnexTransaction,
  type PrismaTransaction,
} from './jobs/outbox/adapters.js';
