import type { Severity } from './content.js';

/** The payload of a push message, as the service worker reads it. */
export interface PushPayload {
  /** Tells it from messages of other senders to the same service worker. */
  readonly tidings: PushedNotification;
}

/** What is pushed of a notification. */
export interface PushedNotification {
  readonly id: string;
  readonly title: string;
  readonly body?: string;
  readonly link?: string;
  readonly image?: string;
  readonly severity?: Severity;
  /** Notifications with the same one replace each other on the screen. */
  readonly tag: string;
}
