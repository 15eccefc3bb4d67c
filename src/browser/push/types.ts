import type { FeedOptions } from '../client/types.js';

/** The options of {@link createPush}. */
export interface PushOptions extends Pick<FeedOptions, 'url' | 'path' | 'getToken' | 'credentials'> {
  /** The address of the service worker, at the application's own origin. Under Trusted Types, a `TrustedScriptURL`. */
  serviceWorker: string | URL;
  /** The pages that the service worker is for. Default: the folder of its address. */
  scope?: string;
}

/**
 * `unsupported`: this browser or the server has no Web Push. `denied`: the user has forbidden notifications, and can only
 * allow them in the browser's settings. `off`, `on`: whether the signed-in user gets Web Push in this browser.
 */
export type PushState = 'unsupported' | 'denied' | 'off' | 'on';

/** Web Push in this browser, for the signed-in user. Its methods reject with a `FeedError` if a request fails. */
export interface Push {
  /** Asks the server, too: the browser may be another user's. */
  state(): Promise<PushState>;
  /** Asks for the permission, and subscribes. Call it in the handler of a click: browsers require one. */
  subscribe(): Promise<PushState>;
  /** Also before signing out, as long as the credential is valid: the next user of this browser must not read what is pushed. */
  unsubscribe(): Promise<PushState>;
  /** Stops to mark clicked notifications as read. */
  close(): void;
}
