import { createClient } from '../client/client.js';
import { NOTHING } from '../client/environment.js';
import type { Failure } from '../client/failure.js';
import { CLICKED, forgetClick, keptClicks } from './clicks.js';
import type { Push, PushOptions, PushState } from './types.js';

/** The server's answer to `GET push`. */
interface ServerState {
  readonly publicKey: string;
  readonly subscriptions: readonly { readonly id: string }[];
}

/**
 * Web Push for the signed-in user, with the credential of `createFeed`. It also marks as read what was clicked, so create one
 * on each page that a click may open. On a server, and in browsers without Web Push, it does nothing.
 */
export function createPush({ serviceWorker, scope, ...options }: PushOptions): Push {
  const client = createClient(options);
  const container = isSupported() ? navigator.serviceWorker : null;
  const closed = new AbortController();
  const clicked = ({ data }: { data?: unknown }): void => {
    if (data === CLICKED) markClicked().catch(NOTHING);
  };
  container?.addEventListener('message', clicked, { signal: closed.signal });
  // Without storage (an opaque origin) there are no clicks.
  if (container) markClicked().catch(NOTHING);

  /** What fails without an answer is tried again at the next click, or on the next page. */
  async function markClicked(): Promise<void> {
    const ids = await keptClicks();
    // Of another user of this browser, otherwise.
    if (ids.length === 0 || (await state()) !== 'on') return;
    for (const id of ids) {
      const failure = await client.json('notifications/read', { method: 'POST', body: { ids: [id] } }).then(
        () => null,
        (error: Failure) => error,
      );
      // Not found: it was another user's, or is gone.
      if (!failure || failure.status === 404 || failure.status === 400) await forgetClick(id);
      else return;
    }
  }

  async function registered(): Promise<ServiceWorkerRegistration | undefined> {
    const address = new URL(String(serviceWorker), location.href).href;
    const registrations = await container!.getRegistrations();
    return registrations.find(({ active }) => active?.scriptURL === address);
  }

  async function current(): Promise<PushSubscription | null> {
    return (await registered())?.pushManager.getSubscription() ?? null;
  }

  async function state(): Promise<PushState> {
    if (!container) return 'unsupported';
    const server = await client
      .json<ServerState>('push')
      .catch((error: Failure) => (error.status === 404 ? null : Promise.reject(error)));
    if (!server) return 'unsupported';
    if (Notification.permission === 'denied') return 'denied';
    const subscription = await current();
    const id = subscription && (await idOf(subscription));
    return server.subscriptions.some((each) => each.id === id) ? 'on' : 'off';
  }

  return {
    state,

    async subscribe() {
      if (!container) return 'unsupported';
      // First: Safari forgets the click at the first other promise.
      if ((await Notification.requestPermission()) !== 'granted') return state();
      const registration = await container.register(serviceWorker, { scope });
      await activation(registration);
      const { publicKey } = await client.json<ServerState>('push');
      const { pushManager } = registration;
      const former = await pushManager.getSubscription();
      // The server's key has changed.
      if (former && keyOf(former) !== publicKey) await former.unsubscribe();
      const subscription = await pushManager.subscribe({
        userVisibleOnly: true,
        applicationServerKey: publicKey,
      });
      const { endpoint, keys } = subscription.toJSON();
      await client.json('push/subscriptions', { method: 'POST', body: { endpoint, keys } });
      return state();
    },

    async unsubscribe() {
      const subscription = container && (await current());
      if (subscription) {
        await client.json(`push/subscriptions/${await idOf(subscription)}`, { method: 'DELETE' });
        await subscription.unsubscribe();
      }
      return state();
    },

    close: () => closed.abort(),
  };
}

function isSupported(): boolean {
  return (
    !!globalThis.navigator?.serviceWorker &&
    'PushManager' in globalThis &&
    'Notification' in globalThis &&
    'caches' in globalThis
  );
}

/** Resolves when the service worker takes messages. */
function activation({ active, waiting, installing }: ServiceWorkerRegistration): Promise<void> {
  const worker = waiting ?? installing;
  if (active || !worker) return Promise.resolve();
  return new Promise((resolve, reject) => {
    worker.addEventListener('statechange', () => {
      if (worker.state === 'activated') resolve();
      if (worker.state === 'redundant') reject(new Error('The service worker could not be installed.'));
    });
  });
}

/** The server's id: the SHA-256 of the endpoint. */
async function idOf({ endpoint }: PushSubscription): Promise<string> {
  return base64Url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(new URL(endpoint).href)));
}

function keyOf({ options }: PushSubscription): string | null {
  return options.applicationServerKey && base64Url(options.applicationServerKey);
}

function base64Url(bytes: ArrayBuffer): string {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}
