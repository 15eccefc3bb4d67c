import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { AudienceTarget } from './audience.js';
import type { AnyNotificationType, NotificationType } from './notification-type.js';

/** The data that a producer passes for this type: the input of its schema. */
export type InputOf<Type extends AnyNotificationType> =
  Type extends NotificationType<string, infer Schema> ? StandardSchemaV1.InferInput<Schema> : never;

/**
 * The caller's transaction on the log's database: a TypeORM `EntityManager` or `QueryRunner`, a `pg` client,
 * or the result of `fromPrisma`, `fromDrizzle` or `fromKnex`.
 * Two statements run in it, with `$1` placeholders and only text values.
 */
export interface Transaction {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** A notification to send. */
export interface Notification<Type extends AnyNotificationType = AnyNotificationType> {
  /** One recipient, up to 1,000 (use `notifyMany` for more), or an audience. */
  readonly to: string | readonly string[] | AudienceTarget;
  /** Default `''`. */
  readonly tenant?: string;
  /** The input of the type's schema; at most 64 KiB as JSON. */
  readonly data: InputOf<Type>;
  /**
   * The same key never makes two entries in one feed; with a key, the call may be repeated after an error.
   * Default: none.
   */
  readonly dedupeKey?: string;
  /** The earliest delivery; a string is ISO 8601 with a zone. Default: at once. */
  readonly deliverAt?: Date | string;
  /** When it disappears; a string is ISO 8601 with a zone. Default: the type's `expiresAfterMs`, else never. */
  readonly expiresAt?: Date | string;
  /** Replaces the unread notification with the same key. Default: none. */
  readonly collapseKey?: string;
}

/** A {@link Notification} and, optionally, its transaction. */
export interface NotifyRequest<
  Type extends AnyNotificationType = AnyNotificationType,
> extends Notification<Type> {
  /**
   * The notification is sent if, and only if, this transaction commits. It becomes a row in `tidings.outbox`
   * and is delivered within moments after the commit.
   * Default: sent at once.
   */
  readonly tx?: Transaction;
}

/** The result of `notify`. */
export interface Notified {
  /** The id for `cancel`. */
  readonly jobId: string;
  /**
   * `delivered`: the log has it. `queued`: the queue has stored it, and a worker delivers it. `staged`: it is
   * a row in the caller's transaction and is delivered after
   * the commit.
   */
  readonly outcome: 'delivered' | 'queued' | 'staged';
}

/** A notification to many recipients. */
export interface Broadcast<Type extends AnyNotificationType = AnyNotificationType> extends Omit<
  Notification<Type>,
  'to' | 'dedupeKey'
> {
  /**
   * Identifies this broadcast: with the same key no recipient gets it twice, so an interrupted call can
   * simply be repeated. It is the `dedupeKey` of each notification, for
   * `recall`.
   */
  readonly key: string;
}

/** The progress of a broadcast. */
export interface BroadcastProgress {
  /** The number of recipients whose notifications are on the queue. */
  readonly recipients: number;
  /** The number of jobs that carry them. */
  readonly jobs: number;
}

/** The options of a broadcast. */
export interface BroadcastOptions {
  /** Called after each chunk; an error thrown by it ends the broadcast. */
  readonly onProgress?: (progress: BroadcastProgress) => void;
  /** Recipients per job, 1 to 1,000. With fewer, other jobs get in between sooner. Default 1,000. */
  readonly chunkSize?: number;
}

/** The result of a broadcast. */
export interface BroadcastResult extends BroadcastProgress {
  /** The ids for `cancel`, in order. */
  readonly jobIds: readonly string[];
  /** The number of these jobs that an earlier call with the same key had already queued, finished or not. */
  readonly repeated: number;
  /** The number of these jobs that had failed since an earlier call and were queued again. */
  readonly retried: number;
}

/** Sends notifications from code. */
export interface Notifier {
  /**
   * Sends a notification. Resolves when the log has it, or the queue has stored it (G9); with `tx`, when its row is written.
   *
   * @throws {InvalidJobError} if it can never be delivered; names each invalid field. Nothing was sent, and `tx` is untouched.
   * @throws {UnknownTypeError} if the type is not declared in the module's options.
   * @throws {InvalidRequestError} if `tx` is on another database or is not a transaction; it stays usable.
   * @throws {QueueUnavailableError} if neither log nor queue answered in time. They may have it: repeat the call with the same `dedupeKey`.
   */
  notify<Type extends AnyNotificationType>(type: Type, request: NotifyRequest<Type>): Promise<Notified>;

  /**
   * Sends one notification to any number of recipients, in jobs of up to 1,000. Recipients are read as needed, so they may come from a
   * database cursor.
   *
   * Safe to repeat after a crash or an error, also with recipients in another order or with more of them: no recipient gets it twice, and
   * queued jobs are not queued again.
   *
   * @throws {InvalidJobError} as `notify` does, naming a recipient by its index, such as `to[70123]`; earlier ones may have been sent.
   * @throws {QueueUnavailableError} as `notify` does; repeat it with the same `key`.
   */
  notifyMany<Type extends AnyNotificationType>(
    type: Type,
    recipients: Iterable<string> | AsyncIterable<string>,
    broadcast: Broadcast<Type>,
    options?: BroadcastOptions,
  ): Promise<BroadcastResult>;
}
