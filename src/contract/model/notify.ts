import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { AnyNotificationType, NotificationType } from './notification-type.js';

/** The data that a producer gives for this type: what its schema takes. */
export type InputOf<Type extends AnyNotificationType> =
  Type extends NotificationType<string, infer Schema> ? StandardSchemaV1.InferInput<Schema> : never;

/**
 * A transaction of the caller's on the database that holds the log: a TypeORM `EntityManager` or `QueryRunner`, a `pg` client, or what
 * `fromPrisma`, `fromDrizzle` and `fromKnex` make. Two statements are run in it, with `$1` for the values, all of them texts.
 */
export interface Transaction {
  query(text: string, values: unknown[]): Promise<unknown>;
}

/** What to send, to whom. */
export interface Notification<Type extends AnyNotificationType = AnyNotificationType> {
  /** One recipient, or up to 1,000; for more there is `notifyMany`. */
  readonly to: string | readonly string[];
  /** Default `''`. */
  readonly tenant?: string;
  /** What the type's schema takes; at most 64 KiB as JSON. */
  readonly data: InputOf<Type>;
  /** The same key never makes two entries in one feed. Give one, and the call may be repeated after an error. Default: none. */
  readonly dedupeKey?: string;
  /** Not delivered before; a text is ISO 8601 with a zone. Default: at once. */
  readonly deliverAt?: Date | string;
  /** Not shown after; a text is ISO 8601 with a zone. Default: the type's `expiresAfterMs`, else never. */
  readonly expiresAt?: Date | string;
  /** Takes over from the unread notification of the same key. Default: none. */
  readonly collapseKey?: string;
}

/** {@link Notification}, and the transaction that it is part of, if any. */
export interface NotifyRequest<
  Type extends AnyNotificationType = AnyNotificationType,
> extends Notification<Type> {
  /**
   * All or nothing: the notification is sent if, and only if, this transaction commits. It becomes one row in `tidings.outbox`, and is
   * delivered within moments after the commit. Default: sent at once.
   */
  readonly tx?: Transaction;
}

/** What became of a call of `notify`. */
export interface Notified {
  /** For `cancel`. */
  readonly jobId: string;
  /**
   * `delivered`: the log has it. `queued`: the queue has stored it, and a worker delivers it. `staged`: it is a row in the caller's
   * transaction, and is delivered when that commits.
   */
  readonly outcome: 'delivered' | 'queued' | 'staged';
}

/** What to send to many. */
export interface Broadcast<Type extends AnyNotificationType = AnyNotificationType> extends Omit<
  Notification<Type>,
  'to' | 'dedupeKey'
> {
  /**
   * Stands for this broadcast: with the same key nobody gets it twice, so that a call that broke off is simply made again. It is
   * the `dedupeKey` of each notification, by which `recall` takes it back.
   */
  readonly key: string;
}

/** How far a broadcast has come. */
export interface BroadcastProgress {
  /** Recipients whose notifications are on the queue. */
  readonly recipients: number;
  /** Jobs that carry them. */
  readonly jobs: number;
}

/** How a broadcast is carried out. */
export interface BroadcastOptions {
  /** Called after each chunk; what it throws ends the broadcast. */
  readonly onProgress?: (progress: BroadcastProgress) => void;
  /** Recipients of one job, 1 to 1,000. Less lets other jobs in between sooner. Default 1,000. */
  readonly chunkSize?: number;
}

/** What became of a broadcast. */
export interface BroadcastResult extends BroadcastProgress {
  /** For `cancel`, in order. */
  readonly jobIds: readonly string[];
  /** Jobs of these that an earlier call with the same key had queued already, done or not. */
  readonly repeated: number;
  /** Jobs of these that had failed for good since an earlier call, and were put on the queue again. */
  readonly retried: number;
}

/** How notifications are sent from code. */
export interface Notifier {
  /**
   * Sends a notification. Resolves when the log has it, or the queue has stored it (G9); with `tx`, when its row is written.
   *
   * @throws {InvalidJobError} if it can never be delivered; names each wrong field. Nothing was sent, and `tx` was not touched.
   * @throws {UnknownTypeError} if the type is not declared in the module's options.
   * @throws {InvalidRequestError} if `tx` is of another database, or no transaction; it was not harmed.
   * @throws {QueueUnavailableError} if neither log nor queue answered in time. They may have it: repeat the call with the same `dedupeKey`.
   */
  notify<Type extends AnyNotificationType>(type: Type, request: NotifyRequest<Type>): Promise<Notified>;

  /**
   * Sends one notification to any number of recipients, in jobs of up to 1,000. The recipients are read as they are needed, so
   * they may come from a cursor of the database.
   *
   * Safe to run again, after a crash or an error, also with recipients in another order or with more of them: who got it does not get
   * it twice, and what is queued already is not queued again.
   *
   * @throws {InvalidJobError} as `notify` does, naming a recipient by its place such as `to[70123]`; those before it may be sent.
   * @throws {QueueUnavailableError} as `notify` does; repeat it with the same `key`.
   */
  notifyMany<Type extends AnyNotificationType>(
    type: Type,
    recipients: Iterable<string> | AsyncIterable<string>,
    broadcast: Broadcast<Type>,
    options?: BroadcastOptions,
  ): Promise<BroadcastResult>;
}
