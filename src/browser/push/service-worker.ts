import { isSafeLink } from '../../contract/model/link.js';
import type { PushedNotification, PushPayload } from '../../contract/model/push-payload.js';
import { CLICKED, keepClick } from './clicks.js';

/** What is used of a service worker's scope, whose types exclude those of pages. */
interface Scope {
  readonly registration: ServiceWorkerRegistration;
  readonly clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: true }): Promise<readonly WindowClient[]>;
    openWindow(url: string): Promise<unknown>;
  };
  addEventListener(type: 'push', listener: (event: PushEvent) => void): void;
  addEventListener(type: 'notificationclick', listener: (event: ClickEvent) => void): void;
}

interface WindowClient {
  readonly url: string;
  focus(): Promise<unknown>;
  postMessage(message: unknown): void;
}

interface ExtendableEvent {
  waitUntil(work: Promise<unknown>): void;
}

interface PushEvent extends ExtendableEvent {
  readonly data: { json(): unknown } | null;
}

interface ClickEvent extends ExtendableEvent {
  readonly notification: Notification;
}

const scope = globalThis as unknown as Scope;

// Both leave alone what others have sent: an application's own service worker may import this file.
scope.addEventListener('push', (event) => {
  const pushed = pushedIn(event.data);
  if (pushed) event.waitUntil(show(pushed));
});

scope.addEventListener('notificationclick', (event) => {
  const pushed = (event.notification.data as PushPayload | null)?.tidings;
  if (!pushed) return;
  event.notification.close();
  event.waitUntil(open(pushed));
});

function pushedIn(data: PushEvent['data']): PushedNotification | undefined {
  try {
    return (data?.json() as PushPayload | undefined)?.tidings;
  } catch {
    // Not JSON, so not ours.
    return undefined;
  }
}

function show(pushed: PushedNotification): Promise<void> {
  const { id, title, body, image, severity, tag } = pushed;
  return scope.registration.showNotification(title, {
    body,
    icon: image !== undefined && isSafeLink(image) ? image : undefined,
    tag,
    // What replaces another notification is news; a repetition of the same one is not.
    renotify: tag !== id,
    requireInteraction: severity === 'high',
    silent: severity === 'low',
    data: { tidings: pushed } satisfies PushPayload,
  } as NotificationOptions);
}

/** Opens the link, or any page of the application. The page marks the notification as read. */
async function open({ id, link }: PushedNotification): Promise<void> {
  // The link matters more than the mark: storage may be full or forbidden.
  await keepClick(id).catch(() => {});
  const pages = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
  for (const page of pages) page.postMessage(CLICKED);
  const target =
    link !== undefined && isSafeLink(link) ? new URL(link, scope.registration.scope).href : undefined;
  const page = target ? pages.find(({ url }) => url === target) : pages[0];
  await (page ? page.focus() : scope.clients.openWindow(target ?? scope.registration.scope));
}
