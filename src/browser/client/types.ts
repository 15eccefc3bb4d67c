import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { NotificationItem } from '../../contract/model/entry.js';
import type { AnyNotificationType, NotificationType } from '../../contract/model/notification-type.js';
import type { StateEntry } from '../../contract/model/state-entry.js';

/**
 * What a page declares: the list of types that the server declares (`typeof myTypes`), or a map from the type's name to its data where
 * the server's code is out of reach. Types alone: nothing of it exists at run time.
 */
export type Declared = readonly AnyNotificationType[] | Record<string, unknown>;

/** What JSON makes of a value: a `Date` arrives as the text of its `toJSON`. */
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

/** A notification of one declared type, or of any of them: told apart by `type`. */
export type Item<Types extends Declared = Record<string, unknown>, Name extends string = TypeName<Types>> = {
  [Each in Name]: NotificationItem<Each, Each extends keyof DataOf<Types> ? DataOf<Types>[Each] : unknown>;
}[Name];

/** Why a token is asked for: at first, because the one in use ends soon, or because the server has refused it. */
export type TokenReason = 'initial' | 'expiring' | 'refused';

/** The options of `createFeed`. */
export interface FeedOptions {
  /** The address of the server. Default `''`, the page's own origin. */
  url?: string | URL;
  /** The path of Tidings there. In a host: its global prefix and `controllers.path`, such as `/api/feed`. Default `/v1`. */
  path?: string;
  /**
   * The bearer token, asked for before the first request, shortly before the `exp` of a JWT, and after the server has refused one. What it
   * throws counts as a break and is tried again; `null` means that nobody is signed in. Without it cookies are sent.
   */
  getToken?: (reason: TokenReason) => string | null | Promise<string | null>;
  /** How cookies are sent. Default `include` (`omit` with `getToken`). */
  credentials?: 'include' | 'omit' | 'same-origin';
  /** Items of a page, 1 to 100. Default 25. */
  pageSize?: number;
  /** One connection for all tabs of this origin that show the same feed, or one for each. Default `shared`. */
  tabs?: 'shared' | 'alone';
  /**
   * `fetch` reads the stream itself: it sees heartbeats and the status of a refusal. `eventsource` leaves that to the browser, which shows
   * neither, so that a silent connection is checked by asking for the count; it cannot send a token. Default `fetch`.
   */
  transport?: 'fetch' | 'eventsource';
  /** The server's `STREAM_HEARTBEAT_MS`: after two and a half of them without a sign a connection counts as dead. Default 15,000. */
  heartbeatMs?: number;
  /** Whether it connects at once. `false`: not before `open()`. Never on a server. Default `true`. */
  open?: boolean;
}

/** Why a feed stopped. It does not reconnect by itself; `open()` starts again. */
export type StopReason =
  /** 401, also with a renewed token; or `getToken` returned `null`. */
  | 'unauthenticated'
  /** 403: the credential does not allow it, or the origin may not use the cookie. */
  | 'forbidden'
  /** 400 or 404: another server, a wrong `path` or a wrong option. Once the feed was reached ten 404s in a row pass, because proxies answer them during a deploy. */
  | 'refused'
  /** `signOut()` was called, here or in another tab. */
  | 'signed-out';

/** The state of the connection. */
export type FeedStatus =
  /** Not opened yet, or closed by `close()`; the items stay. */
  | { readonly state: 'closed' }
  /** On the way to the first page or the first frame. */
  | { readonly state: 'connecting' }
  /** Up to date. With shared tabs the connection may be another tab's. */
  | { readonly state: 'live' }
  /** The connection broke. The next attempt is at `retryAt` (ms, as `Date.now()`), or as soon as the network or the tab is back. */
  | { readonly state: 'offline'; readonly retryAt: number }
  /** Another attempt would not help. The items are cleared if nobody is signed in. */
  | { readonly state: 'stopped'; readonly reason: StopReason };

/** Immutable: a new object after each change, the same one until then. */
export interface FeedSnapshot<Types extends Declared = Record<string, unknown>> {
  /** The loaded ones, newest first, without archived ones. Includes changes that the server has not confirmed yet. */
  readonly items: readonly Item<Types>[];
  readonly unread: number;
  /** New ones since the user last opened the bell: the badge. */
  readonly unseen: number;
  readonly status: FeedStatus;
  /** Whether the first page is there. Before that `items` is empty because nothing is known. */
  readonly loaded: boolean;
  /** Whether there is an older page. */
  readonly hasMore: boolean;
  /** Whether `loadMore()` is in progress. */
  readonly loadingMore: boolean;
}

/** A frame of the stream as it came. */
export interface RawFrame {
  /** The SSE event name; `''` for the default event and for a frame that is an id alone. */
  readonly event: string;
  /** The cursor after it. */
  readonly id: string;
  /** One line of JSON; `''` if the frame only moves the cursor. */
  readonly data: string;
}

/** Why the server could not continue from the cursor. */
export type ResetReason = 'expired' | 'epoch' | 'ahead' | 'malformed';

/** Events of `on` beside the declared types. No type can have these names. */
export type FeedEvents<Types extends Declared> = {
  /** Every notification, whatever its type. */
  message: Item<Types>;
  /** A request failed, and its change was taken back; or a refusal stopped the feed. */
  error: FeedError;
  /** Every frame that moves the cursor, before it is applied; for tools that look at the wire. */
  'feed.frame': RawFrame;
  /** The server could not continue from the cursor; the first page is read again. */
  'feed.reset': { readonly type: 'feed.reset'; readonly reason: ResetReason };
} & { [State in StateEntry['type']]: StateEntry & { readonly type: State } };

type EventData<Types extends Declared, Name extends string> = Name extends keyof FeedEvents<Types>
  ? FeedEvents<Types>[Name]
  : Item<Types, Name>;

/** A request that failed. */
export interface FeedError extends Error {
  readonly name: 'FeedError';
  /** The status of the answer; 0 without one (the network). */
  readonly status: number;
  /** The stable code of the server's problem, such as `not-found`; `network` without an answer, `''` if a proxy answered. */
  readonly code: string;
}

/**
 * The feed of whoever is signed in: a store (`getSnapshot`, `subscribe`, as `useSyncExternalStore` wants them) and what one can do with it.
 * All methods are bound and may be passed around.
 *
 * The methods that change something show it at once and resolve when the server has it. When they reject (with a {@link FeedError}) it
 * has been taken back; who does not look at the promise need not catch it, `on('error')` hears of it, too.
 */
export interface Feed<Types extends Declared = Record<string, unknown>> {
  readonly items: readonly Item<Types>[];
  readonly unread: number;
  readonly unseen: number;
  readonly status: FeedStatus;
  getSnapshot(this: void): FeedSnapshot<Types>;
  /** Calls back after each change of the snapshot. @returns how to stop. */
  subscribe(this: void, listener: () => void): () => void;
  /**
   * Listens to notifications of one type as they arrive, also those that arrived during a break, each once; not to those of the first
   * page. Also to {@link FeedEvents}. @returns how to stop.
   */
  on<Name extends TypeName<Types> | keyof FeedEvents<Types>>(
    this: void,
    type: Name,
    listener: (event: EventData<Types, Name>) => void,
  ): () => void;

  /** The badge resets, the notifications stay unread: the bell was opened. What arrives meanwhile stays unseen. */
  markSeen(this: void): Promise<void>;
  markRead(this: void, ...ids: string[]): Promise<void>;
  markUnread(this: void, ...ids: string[]): Promise<void>;
  /** All that are there now, loaded or not; what arrives meanwhile stays unread. */
  markAllRead(this: void): Promise<void>;
  archive(this: void, ...ids: string[]): Promise<void>;
  unarchive(this: void, ...ids: string[]): Promise<void>;
  /** Gone from every page and device, for good. */
  remove(this: void, id: string): Promise<void>;
  /** Reads the next older page. Resolves when it is there; at once if there is none. Calls while one is on its way share it. */
  loadMore(this: void): Promise<void>;

  /** Connects, or comes back from `close()` with everything that was missed. After a stop it begins anew, with a new token. */
  open(this: void): void;
  /** Ends the connection of this tab (another tab takes over) and keeps what is shown. */
  close(this: void): void;
  /** Ends the connection and forgets everything, in all tabs that show this feed. The cookie or token is the application's to drop. */
  signOut(this: void): void;
}
