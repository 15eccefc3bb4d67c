/** The service worker and the pages of its origin share it. */
const CACHE = 'tidings-push';
const PATH = '/tidings-clicked/';
/** Older ones than these are forgotten: nobody has opened a page of the application since. */
const MOST_CLICKS = 20;

/** The message to the pages: there are new clicks. It says nothing else, so that any script may send it. */
export const CLICKED = 'tidings.clicked';

/** Keeps the id of a notification that was clicked until a page has marked it as read: the service worker has no credential. */
export async function keepClick(id: string): Promise<void> {
  await (await caches.open(CACHE)).put(PATH + id, new Response());
}

/** The ids of the notifications that were clicked, oldest first. */
export async function keptClicks(): Promise<string[]> {
  const cache = await caches.open(CACHE);
  const ids = (await cache.keys()).map(({ url }) => url.slice(url.lastIndexOf('/') + 1));
  await Promise.all(ids.slice(0, -MOST_CLICKS).map(forgetClick));
  return ids.slice(-MOST_CLICKS);
}

export async function forgetClick(id: string): Promise<void> {
  await (await caches.open(CACHE)).delete(PATH + id);
}
