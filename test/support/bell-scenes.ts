import type { Page } from 'playwright-core';

/** A state of `<tidings-bell>` and how one comes there: for the check of each with axe, and for the screenshots. */
export interface Scene {
  readonly body?: string;
  /** Of `<html>`. */
  readonly attributes?: string;
  /** How much of the page shows it; all of it if nothing is said. */
  readonly height?: number;
  set(page: Page): Promise<void>;
}

const INLINE =
  '<header><b>Northwind</b><i></i></header><main><div class="card"><tidings-bell id="bell" inline></tidings-bell></div></main>';

/** Gives the bell a feed, written as an expression of the page, and waits for the frame that shows it. */
export async function give(page: Page, feed: string): Promise<void> {
  // Without a value at the end all of the feed would come over to us.
  await page.evaluate(`window.feed = ${feed}; document.getElementById('bell').feed = window.feed; void 0;`);
  await settle(page);
}

/** Two frames: one in which a change is drawn, one after it. */
export async function settle(page: Page): Promise<void> {
  await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
}

export async function openPanel(page: Page): Promise<void> {
  await page.locator('.bell').click();
  await settle(page);
}

const shown = (feed: string, then?: (page: Page) => Promise<void>, rest: Partial<Scene> = {}): Scene => ({
  ...rest,
  async set(page) {
    await give(page, feed);
    if (!rest.body) await openPanel(page);
    await then?.(page);
    await settle(page);
  },
});
const run = (script: string) => async (page: Page) => {
  await page.evaluate(script);
};
const closed = (feed: string): Scene => ({ height: 120, set: (page) => give(page, feed) });

const OFFLINE = `{ state: 'offline', retryAt: Date.now() + 4000 }`;

/** Past the grace that a short break has. */
const untilNoticed = async (page: Page): Promise<void> => {
  await page.locator('.notice').waitFor();
};

const ARABIC = `Object.assign(document.getElementById('bell'), { strings: {
  title: 'الإشعارات', markAllRead: 'تحديد الكل كمقروء', unread: 'غير مقروء', hint: 'الأسهم للتنقل، وإدخال للفتح، وحذف للأرشفة', archive: 'أرشفة',
  markRead: 'تحديد كمقروء', markUnread: 'تحديد كغير مقروء', theEnd: 'هذا كل شيء' } });
  window.feed.set({ items: window.feed.getSnapshot().items.map((item, index) => index % 3 ? item : { ...item, title: 'تصدير شهر مارس جاهز', body: 'اكتمل خلال 12 ثانية' }) });`;

const LONG = `new FakeFeed([
  item(5000, { title: '<img src=x onerror="window.hacked = 1"><script>window.hacked = 1</script>', body: '<b>not bold</b> &amp; <a href="javascript:alert(1)">no link</a>' }),
  item(65000, { title: 'A title that goes on and on, past the second line of its row, where it is cut off so that the next one has its room as well, as it should', body: 'And a body that is just as long: it says more than anybody wants to read in a panel of this size, and then something else that nobody would have missed.', link: '/a' }),
  item(130000, { title: 'Supercalifragilisticexpialidocious'.repeat(4), body: 'https://example.com/' + 'path/'.repeat(30), count: 1204, data: { status: 'failed' } }),
])`;

export const BELL_SCENES: Readonly<Record<string, Scene>> = {
  'bell-nothing': closed('new FakeFeed([])'),
  'bell-three': closed('new FakeFeed(ordinary(), { unseen: 3 })'),
  'bell-many': closed('new FakeFeed(ordinary(), { unseen: 1204 })'),
  'bell-seen': closed('new FakeFeed(ordinary())'),
  'bell-stopped': closed(`new FakeFeed([], { status: { state: 'stopped', reason: 'unauthenticated' } })`),
  list: shown('new FakeFeed(ordinary(), { unseen: 3 })'),
  'list-read': shown('new FakeFeed(ordinary().map((one) => ({ ...one, readAt: one.createdAt })))'),
  'list-hover': shown('new FakeFeed(ordinary())', (page) => page.locator('.row .title').nth(1).hover()),
  'list-keyboard': shown('new FakeFeed(ordinary())', async (page) => {
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowDown']) await page.keyboard.press(key);
  }),
  'list-long-texts': shown(LONG),
  'list-arrived-above': shown('new FakeFeed(many(40))', async (page) => {
    await page.evaluate(
      `document.getElementById('bell').shadowRoot.querySelector('.scroller').scrollTop = 900`,
    );
    await settle(page);
    await page.evaluate('feed.push(item(0), item(0), item(0))');
  }),
  'list-end': shown('new FakeFeed(many(14))', async (page) => {
    await page
      .locator('.row')
      .last()
      .focus()
      .catch(() => {});
    await page.evaluate(
      `{ const s = document.getElementById('bell').shadowRoot.querySelector('.scroller'); s.scrollTop = s.scrollHeight; }`,
    );
  }),
  'list-loading-more': shown(
    'new FakeFeed(many(7), { hasMore: true, loadingMore: true })',
    run(
      `{ const s = document.getElementById('bell').shadowRoot.querySelector('.scroller'); s.scrollTop = s.scrollHeight; }`,
    ),
  ),
  'list-loading-more-failed': shown(
    `Object.assign(new FakeFeed(many(7), { hasMore: true }), { failure: new Error('no') })`,
    async (page) => {
      await page.locator('.foot .retry').waitFor();
      await page.locator('.foot .retry').scrollIntoViewIfNeeded();
    },
  ),
  'list-offline': shown('new FakeFeed(ordinary())', async (page) => {
    await page.evaluate(`feed.set({ status: ${OFFLINE} })`);
    await untilNoticed(page);
  }),
  'list-paused': shown(`new FakeFeed(ordinary(), { status: { state: 'closed' } })`),
  'list-action-failed': shown(
    `Object.assign(new FakeFeed(ordinary()), { failure: new Error('no') })`,
    async (page) => {
      await page.locator('.row .archive').first().click();
      await page.locator('.notice').waitFor();
    },
  ),
  'list-right-to-left': shown('new FakeFeed(ordinary(), { unseen: 3 })', run(ARABIC), {
    attributes: 'dir="rtl" lang="ar"',
  }),
  loading: shown(`new FakeFeed([], { loaded: false, status: { state: 'connecting' } })`),
  empty: shown('new FakeFeed([])'),
  unreachable: shown(`new FakeFeed([], { loaded: false, status: ${OFFLINE} })`),
  'signed-out': shown(
    `new FakeFeed([], { loaded: false, status: { state: 'stopped', reason: 'unauthenticated' } })`,
  ),
  refused: shown(`new FakeFeed([], { loaded: false, status: { state: 'stopped', reason: 'forbidden' } })`),
  inline: shown('new FakeFeed(ordinary())', undefined, { body: INLINE }),
};
