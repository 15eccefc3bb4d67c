/**
 * `tidings/producer`: typed notifications from programs without Nest. It loads BullMQ, and `pg` where Postgres is used; nothing of
 * the module, its log or its HTTP interface.
 */
export {
  createProducer,
  type ProducerOptions,
  type TidingsProducer,
} from './jobs/produce/create-producer.js';
export { defineNotification } from './contract/model/notification-type.js';
export { fromDrizzle, fromKnex, fromPrisma } from './jobs/outbox/adapters.js';
export { announcement, newOrder, SHIPPED_TYPES, taskCompleted } from './types/shipped/index.js';
export {
  IdempotencyKeyReusedError,
  InvalidJobError,
  InvalidRequestError,
  InvalidSettingsError,
  QueueUnavailableError,
  TidingsError,
  UnknownTypeError,
  type ErrorCode,
  type InvalidField,
} from './contract/errors.js';
export type {
  AnyNotificationType,
  NotificationType,
  RenderContext,
  Rendered,
} from './contract/model/notification-type.js';
export type { AudienceTarget } from './contract/model/audience.js';
export type * from './contract/model/notify.js';
export type {
  DrizzleSql,
  DrizzleTransaction,
  KnexTransaction,
  PrismaTransaction,
} from './jobs/outbox/adapters.js';
