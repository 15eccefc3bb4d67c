import type { BrowserContext, Page } from 'playwright-core';
import { EventSource } from 'eventsource';

/** What a page knows that has nothing but an EventSource. */
export interface FeedLog {
  /** Every notification, in order: its event id and what its data say. */
  readonly received: { id: string; taskId: string }[];
  /** Every control frame, as `type` or `type:reason`. */
  readonly control: string[];
  /** How often a connection was opened. */
  opened: number;
  /** 2 (CLOSED): it has given up for good. */
  readyState: number;
}

/** An EventSource somewhere. */
export interface FollowedFeed {
  log(): Promise<FeedLog>;
  close(): Promise<void>;
}

/**
 * A whole client. Sent to a browser as its source text, so that it must not use anything around it; there is no code for reconnecting,
 * which is the point.
 */
function follow(Source: typeof EventSource, url: string, withCredentials: boolean) {
  const log: FeedLog = { received: [], control: [], opened: 0, readyState: 0 };
  const source = new Source(url, { withCredentials });
  source.onopen = () => (log.opened += 1);
  source.onmessage = ({ data, lastEventId }) => {
    const item = JSON.parse(data as string) as { data: { taskId: string } };
    log.received.push({ id: lastEventId, taskId: item.data.taskId });
  };
  for (const type of ['feed.ready', 'feed.reset', 'feed.closing']) {
    source.addEventListener(type, ({ data }) => {
      const { reason } = JSON.parse(data as string) as { reason?: string };
      log.control.push(reason === undefined ? type : `${type}:${reason}`);
    });
  }
  return { log: (): FeedLog => ({ ...log, readyState: source.readyState }), close: () => source.close() };
}

/** npm's EventSource in this process, with the token in a header. */
export function followInNode(origin: string, token: string): FollowedFeed {
  const authorized = class extends EventSource {
    constructor(url: string | URL) {
      super(url, {
        fetch: (input, init) =>
          fetch(input, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }),
      });
    }
  };
  const feed = follow(authorized, `${origin}/v1/stream?as=message`, false);
  return { log: () => Promise.resolve(feed.log()), close: () => Promise.resolve(feed.close()) };
}

/** Opens a page of this origin that is no answer of a server: those of the service let a page connect to nothing. */
export async function openBlankPage(page: Page, origin: string): Promise<void> {
  const url = `${origin}/blank`;
  await page.route(url, (route) => route.fulfill({ contentType: 'text/html', body: '' }));
  await page.goto(url);
}

/** The browser's own in a page of `pageOrigin`, with whatever cookies the browser has. */
export async function followInPage(
  browser: BrowserContext,
  pageOrigin: string,
  origin: string,
): Promise<FollowedFeed> {
  const page = await browser.newPage();
  // Another origin has a server of its own: Chromium lets no page that nobody served connect to the loopback of another one.
  if (pageOrigin === origin) await openBlankPage(page, origin);
  else await page.goto(pageOrigin);
  const url = JSON.stringify(`${origin}/v1/stream?as=message`);
  await page.evaluate(`window.feed = (${follow.toString()})(EventSource, ${url}, true); 0`);
  return { log: () => page.evaluate<FeedLog>('window.feed.log()'), close: () => page.close() };
}
