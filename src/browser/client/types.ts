import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { NotificationItem } from '../../contract/model/entry.js';
import type { AnyNotificationType, NotificationType } from '../../contract/model/notification-type.js';
import type { StateEntry } from '../../contract/model/state-entry.js';

/**
 * The types that a page declares: the server's list of types (`typeof myTypes`), or a map from names to data if the server's code cannot be
 * imported. Only types: nothing exists at run time.
 */
export type Declared = readonly AnyNotificationType[] | Record<string, unknown>;

/** The type of a value after JSON: a `Date` becomes the string of its `toJSON`. */
export type Json<T> = unknown extends T
  ? T
  : T extends { toJSON(): infer Text }
    ? Text
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T;

/** The data of each declared type, by its name. */
export type DataOf<Types extends Declared> = Types extends readonly AnyNotificationType[]
  ? {
      [Type in Types[number] as Type['name']]: Type extends NotificationType<string, infer Schema>
        ? Json<StandardSchemaV1.InferOutput<Schema>>
        : never;
    }
  : Types;

/** The names of the declared types. */
export type TypeName<Types extends Declared> = Extract<keyof DataOf<Types>, string>;

/** A notification of one declared type, or a union of all, discriminated by `type`. */
export type Item<Types extends Declared = Record<string, unknown>, Name extends string = TypeName<Types>> = {
  [Each in Name]: NotificationItem<Each, Each extends keyof DataOf<Types> ? DataOf<Types>[Each] : unknown>;
}[Name];

/** Selects a page, see {@link Feed.page}. */
export interface PageQuery {
  /** 1 to 100. Default: `pageSize`. */
  limit?: number;
  /** The `next` of the page before. */
  before?: string | null;
  /** Only unread (`true`) or read (`false`) notifications. */
  unread?: boolean | null;
  /** Only archived notifications. */
  archived?: boolean;
  /** Only snoozed notifications, each with `snoozedUntil`. */
  snoozed?: boolean;
  type?: string | null;
  category?: string | null;
}

/** A page of notifications, newest first, with the counts of the same moment. */
export interface FeedPage<Types extends Declared = Record<string, unknown>> {
  readonly items: readonly Item<Types>[];
  /** The `before` of the next page; `null` at the end. */
  readonly next: string | null;
  readonly unread: number;
  readonly unseen: number;
  readonly cursor: string;
}

/** The counts of the server. */
export interface FeedCounts {
  readonly unread: number;
  readonly unseen: number;
  readonly cursor: string;
}

/** The counts, with those of each category that has unread notifications. */
export interface CategoryCounts extends FeedCounts {
  readonly categories: Readonly<Record<string, { readonly unread: number; readonly unseen: number }>>;
}

/** The types and the categories that the user has muted. */
export interface FeedPreferences {
  readonly muted: readonly string[];
  readonly mutedCategories: readonly string[];
}

/** A declared type, for a page of preferences. */
export interface FeedType {
  readonly type: string;
  /** In the user's language. */
  readonly name: string;
  readonly description: string | null;
  readonly category: string | null;
  /** Whether it cannot be muted. */
  readonly mandatory: boolean;
}

/** Why a token is requested: it is the first one, the present one expires soon, or the server has refused it. */
export type TokenReason = 'initial' | 'expiring' | 'refused';

/** The options of `createFeed`. */
export interface FeedOptions {
  /** The address of the server. Default `''`, the page's own origin. */
  url?: string | URL;
  /** The path of Tidings on the server. In a host application: its global prefix and `controllers.path`, such as `/api/feed`. Default `/v1`. */
  path?: string;
  /**
   * Returns the bearer token; `null` if nobody is signed in. Called before the first request, shortly before the `exp` of a JWT, and after
   * the server has refused a token. An error counts as a lost connection and is retried. Without `getToken` cookies are sent.
   */
  getToken?: (reason: TokenReason) => string | null | Promise<string | null>;
  /** How cookies are sent. Default `include` (`omit` with `getToken`). */
  credentials?: 'include' | 'omit' | 'same-origin';
  /** Items per page, 1 to 100. Default 25. */
  pageSize?: number;
  /** One connection for all tabs of this origin that show the same feed (`shared`), or one per tab (`alone`). Default `shared`. */
  tabs?: 'shared' | 'alone';
  /**
   * `fetch` exposes heartbeats and the status of a refusal. `eventsource` uses the browser's EventSource, which exposes neither and cannot
   * send a token; a silent connection is checked by requesting the count. Default `fetch`.
   */
  transport?: 'fetch' | 'eventsource';
  /** The server's `STREAM_HEARTBEAT_MS`. A connection without data for two and a half heartbeats counts as dead. Default 15,000. */
  heartbeatMs?: number;
  /** Whether to connect at once instead of with `open()`. Always `false` on a server. Default `true`. */
  open?: boolean;
}

/** Why a feed stopped. It does not reconnect until `open()` is called. */
export type StopReason =
  /** 401, also with a renewed token; or `getToken` returned `null`. */
  | 'unauthenticated'
  /** 403: the credential does not allow it, or the origin may not use the cookie. */
  | 'forbidden'
  /** 400 or 404: a wrong server, `path` or option. Once the feed was reached, up to ten 404s in a row are retried, because proxies answer 404 during a deploy. */
  | 'refused'
  /** `signOut()` was called, here or in another tab. */
  | 'signed-out';

/** The state of the connection. */
export type FeedStatus =
  /** Not opened yet, or closed by `close()`, which keeps the items. */
  | { readonly state: 'closed' }
  /** Waiting for the first page or the first frame. */
  | { readonly state: 'connecting' }
  /** Connected. With shared tabs the connection may be another tab's. */
  | { readonly state: 'live' }
  /** The connection is lost. The next attempt is at `retryAt` (ms, as `Date.now()`), or when the network is back or the tab becomes visible. */
  | { readonly state: 'offline'; readonly retryAt: number }
  /** The server refuses, or the user signed out. The items are cleared if nobody is signed in. */
  | { readonly state: 'stopped'; readonly reason: StopReason };

/** An immutable snapshot, replaced after each change. */
export interface FeedSnapshot<Types extends Declared = Record<string, unknown>> {
  /** The loaded notifications, newest first, without archived ones. Includes changes that the server has not confirmed yet. */
  readonly items: readonly Item<Types>[];
  readonly unread: number;
  /** Notifications that arrived since the user last opened the bell, for the badge. */
  readonly unseen: number;
  readonly status: FeedStatus;
  /** Whether the first page is loaded. */
  readonly loaded: boolean;
  /** Whether there is an older page. */
  readonly hasMore: boolean;
  /** Whether `loadMore()` is in progress. */
  readonly loadingMore: boolean;
}

/** A raw frame of the stream. */
export interface RawFrame {
  /** The SSE event name; `''` for the default event and for a frame with only an id. */
  readonly event: string;
  /** The cursor after it. */
  readonly id: string;
  /** One line of JSON; `''` if the frame only moves the cursor. */
  readonly data: string;
}

/** Why the server could not continue from the cursor. */
export type ResetReason = 'expired' | 'epoch' | 'ahead' | 'malformed';

/** Events of `on` besides the declared types. No type can have these names. */
export type FeedEvents<Types extends Declared> = {
  /** A notification of any type. */
  message: Item<Types>;
  /** A request failed, and its change was undone; or a refusal stopped the feed. */
  error: FeedError;
  /** Every frame that moves the cursor, before it is applied. For debugging tools. */
  'feed.frame': RawFrame;
  /** The server could not continue from the cursor. The first page is loaded again. */
  'feed.reset': { readonly type: 'feed.reset'; readonly reason: ResetReason };
} & { [State in StateEntry['type']]: StateEntry & { readonly type: State } };

type EventData<Types extends Declared, Name extends string> = Name extends keyof FeedEvents<Types>
  ? FeedEvents<Types>[Name]
  : Item<Types, Name>;

/** A request that failed. */
export interface FeedError extends Error {
  readonly name: 'FeedError';
  /** The HTTP status; 0 without a response. */
  readonly status: number;
  /** The server's stable error code, such as `not-found`; `network` without a response, `''` for a proxy's response. */
  readonly code: string;
}

/**
 * The feed of the signed-in user: an external store (`getSnapshot` and `subscribe` suit `useSyncExternalStore`) with methods to change it.
 * All methods are bound.
 *
 * A change is visible at once, and its promise resolves when the server has stored it. If the promise rejects (with a {@link FeedError}),
 * the change has been undone. An unhandled rejection is not reported as uncaught; `on('error')` receives the error, too.
 */
export interface Feed<Types extends Declared = Record<string, unknown>> {
  readonly items: readonly Item<Types>[];
  readonly unread: number;
  readonly unseen: number;
  readonly status: FeedStatus;
  getSnapshot(this: void): FeedSnapshot<Types>;
  /** Calls the listener after each change of the snapshot. @returns a function that removes it. */
  subscribe(this: void, listener: () => void): () => void;
  /**
   * Adds a listener for notifications of one type, or for one of the {@link FeedEvents}. Each notification is delivered once, also if it
   * arrived while the connection was lost; those of the first page are not delivered.
   *
   * @returns a function that removes the listener.
   */
  on<Name extends TypeName<Types> | keyof FeedEvents<Types>>(
    this: void,
    type: Name,
    listener: (event: EventData<Types, Name>) => void,
  ): () => void;

  /** Resets `unseen`, for the badge, when the bell is opened. Notifications stay unread; those that arrive meanwhile stay unseen. */
  markSeen(this: void): Promise<void>;
  markRead(this: void, ...ids: string[]): Promise<void>;
  markUnread(this: void, ...ids: string[]): Promise<void>;
  /** Marks all notifications as read, loaded or not. Those that arrive meanwhile stay unread. */
  markAllRead(this: void): Promise<void>;
  archive(this: void, ...ids: string[]): Promise<void>;
  unarchive(this: void, ...ids: string[]): Promise<void>;
  /** Deletes a notification permanently, on all devices. */
  remove(this: void, id: string): Promise<void>;
  /**
   * Chooses an action of a notification, once for all devices, and marks it as read. Rejects with the code `already-acted` if another
   * action was chosen: the stream brings which. Actions with a link are followed instead.
   */
  act(this: void, id: string, action: string): Promise<void>;
  /** Takes notifications out of the feed until a time, at most a year from now, when they come back as new. Again: sets another time. */
  snooze(this: void, ids: readonly string[], until: Date | string): Promise<void>;
  /** Brings snoozed notifications back at once; they arrive as new ones do. */
  unsnooze(this: void, ids: readonly string[]): Promise<void>;
  /** Requests a page besides the loaded ones, such as the notifications of one category. It does not change the snapshot. */
  page(this: void, query?: PageQuery): Promise<FeedPage<Types>>;
  /** Requests the snoozed notifications, each with `snoozedUntil`. */
  snoozed(this: void, query?: PageQuery): Promise<FeedPage<Types>>;
  /** Requests the counts, with `by: 'category'` also of each category. */
  counts(this: void, options: { by: 'category' }): Promise<CategoryCounts>;
  counts(this: void): Promise<FeedCounts>;
  preferences(this: void): Promise<FeedPreferences>;
  /** Replaces the muted types; without `mutedCategories`, the muted categories stay. Resolves with all preferences. */
  setPreferences(
    this: void,
    preferences: Pick<FeedPreferences, 'muted'> & Partial<FeedPreferences>,
  ): Promise<FeedPreferences>;
  /** Requests the declared types, with names and descriptions for people. */
  types(this: void): Promise<readonly FeedType[]>;
  /** Loads the next older page. Resolves when it is loaded, or at once if there is none. Concurrent calls share one request. */
  loadMore(this: void): Promise<void>;

  /** Connects. After `close()` it receives everything that was missed; after a stop it starts anew, with a new token. */
  open(this: void): void;
  /** Disconnects this tab and keeps the items. Another tab takes over a shared connection. */
  close(this: void): void;
  /** Disconnects and clears all tabs that show this feed. The application deletes the cookie or token. */
  signOut(this: void): void;
}
