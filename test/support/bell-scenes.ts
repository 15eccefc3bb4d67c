import type { Page } from 'playwright-core';
import { doubleText, WITH_TOASTS } from './bell-page.js';

/** A state of `<tidings-bell>` and how one comes there: for the check of each with axe, and for the screenshots. */
export interface Scene {
  readonly body?: string;
  /** Of `<html>`. */
  readonly attributes?: string;
  /** Changes the element's script. */
  readonly patch?: (element: string) => string;
  /** How much of the page shows it; all of it if nothing is said. */
  readonly height?: number;
  set(page: Page): Promise<void>;
}

const INLINE =
  '<header><b>Northwind</b><i></i></header><main><div class="card"><tidings-bell id="bell" inline></tidings-bell></div></main>';

/** Gives the bell a feed, written as an expression of the page, and waits for the frame that shows it. */
export async function give(page: Page, feed: string): Promise<void> {
  // Without a value at the end all of the feed would come over to us.
  await page.evaluate(
    `window.feed = ${feed}; for (const id of ['bell', 'toasts']) if (document.getElementById(id)) document.getElementById(id).feed = window.feed; void 0;`,
  );
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
/** In the state that a click on something in the panel leads to. */
const after =
  (...selectors: string[]) =>
  async (page: Page) => {
    for (const selector of selectors) {
      await page.locator(selector).first().click();
      await settle(page);
    }
  };
/** With toasts for what arrives. */
const toasted = (push: string, rest: Partial<Scene> = {}, then?: (page: Page) => Promise<void>): Scene => ({
  body: WITH_TOASTS,
  ...rest,
  async set(page) {
    await give(page, 'new FakeFeed(ordinary().slice(3), { unseen: 0 })');
    await page.evaluate(push);
    await page.locator('#toasts .toast').first().waitFor();
    await then?.(page);
    await settle(page);
  },
});
/** The preferences, with the switch of Web Push. */
const preferences =
  (push: string, then?: (page: Page) => Promise<void>) =>
  async (page: Page): Promise<void> => {
    await page.evaluate(`document.getElementById('bell').push = window.push = ${push}; void 0`);
    await after('.menu-button', '.menu-item:last-child')(page);
    await page.locator('.preferences').waitFor();
    await then?.(page);
  };
const TEAM = `Object.assign(new FakeFeed(team(), { unseen: 3 }), { declared: DECLARED, wishes: { muted: ['refund'], mutedCategories: ['projects'] } })`;
const GERMAN = `Object.assign(document.getElementById('bell'), { lang: 'de', strings: {
  title: 'Benachrichtigungen', markAllRead: 'Alle als gelesen markieren', urgent: 'Dringend', all: 'Alle', preferences: 'Benachrichtigungseinstellungen', snooze: 'Zurückstellen', snoozedTitle: 'Zurückgestellte Benachrichtigungen',
  inAnHour: 'In einer Stunde', tomorrow: 'Morgen früh', nextWeek: 'Nächste Woche', alwaysOn: 'Immer eingeschaltet', otherTypes: 'Sonstige',
  push: 'Benachrichtigungen auf diesem Gerät', pushDenied: 'Blockiert. Erlauben Sie Benachrichtigungen in den Browsereinstellungen.',
  preferencesLead: 'Wählen Sie, worüber Sie benachrichtigt werden. Änderungen gelten auf allen Geräten.',
  acted: (label, time) => label + ' · ' + time, unreadCount: (n) => n + ' ungelesen',
  categories: { orders: 'Bestelleingänge', projects: 'Projektzusammenarbeit', operations: 'Betriebsüberwachung' } } });
  window.feed.declared = [
    { type: 'a', name: 'Datenschutzfolgenabschätzungen', description: 'Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz und andere Vorschriften.', category: 'operations', mandatory: true },
    { type: 'b', name: 'Auftragsbestätigungsbenachrichtigungen', description: 'Sobald eine Bestellung eingeht.', category: 'orders' } ];
  window.feed.set({ items: window.feed.getSnapshot().items.map((item, index) => index ? item : { ...item, title: 'Lin Chen lädt Sie zur Projektzusammenarbeit „Grundstücksverkehrsgenehmigungszuständigkeit“ ein', body: 'Als Mitbearbeiterin mit Freigabeberechtigung.', actions: [{ id: 'y', label: 'Einladung annehmen', style: 'primary' }, { id: 'n', label: 'Vorübergehend zurückstellen' }, { id: 'x', label: 'Ablehnen', style: 'danger' }] }) });`;
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
  'bell-urgent': closed('new FakeFeed(team(), { unseen: 3 })'),
  team: shown(TEAM),
  'team-acted': shown(TEAM, after('.answer.primary')),
  'team-already-acted': shown(
    `Object.assign(${TEAM}, { failure: Object.assign(new Error('no'), { code: 'already-acted' }) })`,
    async (page) => {
      await page.locator('.answer').first().click();
      await page.locator('.notice').waitFor();
    },
  ),
  'team-german': shown(TEAM, run(GERMAN), { attributes: 'lang="de"' }),
  'team-text-200': shown(TEAM, undefined, { patch: doubleText }),
  'tabs-selected': shown(TEAM, async (page) => {
    await page.evaluate(`document.getElementById('bell').setAttribute('tabs', '')`);
    await page.locator('.tab').nth(2).click();
  }),
  tabs: shown(TEAM, run(`document.getElementById('bell').setAttribute('tabs', '')`)),
  'tabs-empty': shown(TEAM, async (page) => {
    await page.evaluate(`document.getElementById('bell').setAttribute('tabs', 'orders mentions')`);
    await page.locator('.tab').nth(2).click();
  }),
  'tabs-right-to-left': shown(
    TEAM,
    run(`document.getElementById('bell').setAttribute('tabs', ''); ${ARABIC}`),
    { attributes: 'dir="rtl" lang="ar"' },
  ),
  'tabs-german-text-200': shown(
    TEAM,
    run(`document.getElementById('bell').setAttribute('tabs', ''); ${GERMAN}`),
    { attributes: 'lang="de"', patch: doubleText },
  ),
  'menu-snooze': shown(TEAM, async (page) => {
    await page.locator('.row').nth(2).hover();
    await page.locator('.row .snooze').nth(2).click();
    await page.locator('.menu-item').first().waitFor();
  }),
  'menu-more': shown(TEAM, after('.menu-button')),
  'menu-german': shown(
    TEAM,
    async (page) => {
      await page.evaluate(GERMAN);
      await page.locator('.menu-button').click();
      await page.locator('.menu-item').first().waitFor();
    },
    { attributes: 'lang="de"', patch: doubleText },
  ),
  snoozed: shown(
    `Object.assign(${TEAM}, { asleep: team().slice(0, 3).map((one, index) => ({ ...one, snoozedUntil: new Date(Date.now() + [72, 17, 1][index] * 3600000).toISOString() })) })`,
    after('.menu-button', '.menu-item'),
  ),
  'snoozed-none': shown(TEAM, after('.menu-button', '.menu-item')),
  'page-failed': shown(
    `Object.assign(${TEAM}, { failure: new Error('no') })`,
    after('.menu-button', '.menu-item'),
  ),
  preferences: shown(TEAM, after('.menu-button', '.menu-item:last-child')),
  'preferences-push': shown(TEAM, preferences(`new FakePush('on')`)),
  'preferences-push-asking': shown(
    TEAM,
    preferences(`Object.assign(new FakePush(), { answer: 'wanted' })`, after('.switch')),
  ),
  'preferences-push-denied': shown(TEAM, preferences(`new FakePush('denied')`)),
  'preferences-push-unknown': shown(
    TEAM,
    preferences(`Object.assign(new FakePush(), { failure: new Error('no') })`),
  ),
  'preferences-right-to-left': shown(TEAM, preferences(`new FakePush('on')`), {
    attributes: 'dir="rtl" lang="ar"',
  }),
  'preferences-failed': shown(
    TEAM,
    preferences('new FakePush()', async (page) => {
      await page.evaluate(`push.failure = new Error('no')`);
      await page.locator('.switch').first().click();
      await page.locator('.preferences .notice').waitFor();
    }),
  ),
  'preferences-german-text-200': shown(
    TEAM,
    async (page) => {
      await page.evaluate(GERMAN);
      await preferences(`new FakePush('denied')`)(page);
    },
    { attributes: 'lang="de"', patch: doubleText },
  ),
  toasts: toasted('feed.push(...team().slice(0, 3).reverse())'),
  'toast-one': toasted(`feed.push(item(0, { title: 'Export of March is ready', body: null }))`),
  'toast-summary': toasted('feed.push(...Array.from({ length: 12 }, () => item(0)))'),
  'toast-acted': toasted('feed.push(...team().slice(0, 1))', {}, (page) =>
    page.locator('#toasts .answer').first().click(),
  ),
  'toasts-right-to-left': toasted(
    `feed.push(...team().slice(0, 2).reverse().map((one) => ({ ...one, title: 'تصدير شهر مارس جاهز', body: 'اكتمل خلال 12 ثانية' })))`,
    { attributes: 'dir="rtl" lang="ar"' },
  ),
  'toasts-text-200': toasted('feed.push(...team().slice(0, 2).reverse())', { patch: doubleText }),
};
