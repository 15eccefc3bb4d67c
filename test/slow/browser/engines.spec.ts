import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startApplication, type Application } from '../../support/application.js';
import { ENGINES, type BrowserEngine, type BrowserPage, type Key } from '../../support/browser-engine.js';
import { ClientTab } from '../../support/client-tab.js';
import { COOKIE, Deployment } from '../../support/deployment.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/ports.js';
import { buildService, killServices, type ServiceProcess } from '../../support/service.js';
import { processOf } from '../../support/tab-process.js';
import { describeWith } from '../../support/tools.js';

const STEP = { timeoutMs: 60_000 };
type Tab = ClientTab<BrowserPage>;

describe('In another engine than Chromium', () => {
  let deployment: Deployment;
  let application: Application;
  let server: ServiceProcess;
  let port: string;

  const start = (): Promise<ServiceProcess> =>
    deployment.start({ PORT: port, CORS_ORIGINS: application.origin, STREAM_HEARTBEAT_MS: '1000' });

  beforeAll(async () => {
    await buildService();
    deployment = await Deployment.open('postgres');
    port = String(await freePort());
    application = await startApplication(port);
    server = await start();
  }, 240_000);
  afterAll(async () => {
    await application?.close();
    await killServices();
    await deployment?.close();
  });

  async function openStreams(): Promise<number> {
    const metrics = await (await fetch(`${server.origin}/metrics`)).text();
    return Number(/^tidings_streams_open(?:\{.*\})? (\d+)$/m.exec(metrics)?.[1]);
  }

  for (const [engine, { tools, start: startBrowser, canKillTabs, keepsLeftPages }] of Object.entries(
    ENGINES,
  )) {
    describeWith(tools, engine, () => {
      let browser: BrowserEngine;
      let home: BrowserPage;
      let pages: BrowserPage[] = [];
      let users = 0;

      beforeAll(async () => {
        browser = await startBrowser();
        home = await browser.open();
        await home.goto(application.origin + '/home');
      }, 180_000);
      afterEach(async () => {
        await Promise.all(pages.splice(0).map((page) => page.close()));
        await eventually(async () => expect(await openStreams()).toBe(0), STEP);
      }, 120_000);
      afterAll(() => browser?.close());

      async function open(address: string): Promise<BrowserPage> {
        const page = await browser.open();
        pages.push(page);
        await page.goto(address);
        return page;
      }

      async function signIn(): Promise<string> {
        const user = `${engine} ${(users += 1)}`;
        await browser.setCookie(home, COOKIE, await deployment.token(user));
        return user;
      }

      const openTab = async (options: object = {}): Promise<Tab> =>
        ClientTab.load(await open(`${application.origin}/blank`), {
          url: server.origin,
          heartbeatMs: 2_000,
          ...options,
        });

      /** Leaves a page out of the cleaning up: it is closed, or gone. */
      function forget(page: BrowserPage): void {
        pages = pages.filter((one) => one !== page);
      }

      it('receives each entry once, in order, over a restart: by fetch, by eventsource, by a plain EventSource', async () => {
        const user = await signIn();
        await deployment.add(user, 'before');
        const tabs = [
          await openTab({ tabs: 'alone' }),
          await openTab({ tabs: 'alone', transport: 'eventsource' }),
        ];
        for (const tab of tabs) {
          await tab.until(({ titles, status }) => {
            expect([titles, status.state]).toEqual([['Task before'], 'live']);
          }, 60_000);
        }
        const plain = await open(`${application.origin}/blank`);
        // Of the same origin, as Firefox's gives up when it cannot reach another one.
        await plain.evaluate(`(() => {
          window.seen = [];
          window.opened = 0;
          const source = new EventSource('/v1/stream?as=message');
          source.onmessage = ({ data }) => seen.push(JSON.parse(data).data.taskId);
          source.addEventListener('feed.ready', () => opened++);
        })()`);
        const seen = () => plain.evaluate<string[]>('seen');
        await eventually(async () => expect(await plain.evaluate('opened')).toBe(1), STEP);
        const arrive = async (...sent: string[]): Promise<void> => {
          for (const tab of tabs) {
            await tab.until(({ heard }) => expect(heard).toHaveLength(sent.length), 60_000);
          }
          await eventually(async () => expect(await seen()).toHaveLength(sent.length), STEP);
        };
        await deployment.add(user, '0');
        await arrive('0');
        await server.stop('SIGKILL');
        for (const tab of tabs) {
          await tab.until(({ status }) => expect(status.state).toBe('offline'), 60_000);
        }
        await deployment.add(user, '1', '2');
        server = await start();
        await arrive('0', '1', '2');
        await deployment.add(user, '3');
        await arrive('0', '1', '2', '3');
        const order = await seen();
        expect([...order].sort()).toEqual(['0', '1', '2', '3']);
        for (const tab of tabs) {
          const { heard, states, resets } = await tab.state();
          expect({ heard, states, resets }).toEqual({
            heard: order,
            states: ['connecting', 'live', 'offline', 'live'],
            resets: [],
          });
        }
      }, 180_000);

      it('shares one connection among tabs, and goes on when the leading tab is killed, frozen or closed', async () => {
        const user = await signIn();
        const tabs: Tab[] = [];
        for (let i = 0; i < 4; i += 1) {
          tabs.push(await openTab());
          await tabs[i]!.until(({ status }) => expect(status.state).toBe('live'), 60_000);
        }
        const sent: string[] = [];
        const all = async (): Promise<void> => {
          sent.push(String(sent.length));
          await deployment.add(user, sent.at(-1)!);
          for (const tab of tabs) await tab.until(({ heard }) => expect(heard).toEqual(sent), 60_000);
        };
        const oneConnection = (): Promise<unknown> =>
          eventually(async () => expect(await openStreams()).toBe(1), STEP);
        await all();
        await oneConnection();

        // The first one to open leads, and after it who waits longest.
        if (canKillTabs) {
          const killed = tabs.shift()!;
          forget(killed.page);
          process.kill(await processOf(browser, killed.page), 'SIGKILL');
          await all();
          await oneConnection();
        }
        const frozen = tabs.shift()!;
        const pid = await processOf(browser, frozen.page);
        process.kill(pid, 'SIGSTOP');
        try {
          await all();
        } finally {
          process.kill(pid, 'SIGCONT');
        }
        tabs.push(frozen);
        await all();
        await oneConnection();

        const closed = tabs.shift()!;
        forget(closed.page);
        await closed.close();
        await all();
        await oneConnection();
        for (const tab of tabs) expect((await tab.state()).unread).toBe(sent.length);
      }, 180_000);

      it('forgets everything in all tabs when one signs out, and shows the next user nothing of it', async () => {
        const user = await signIn();
        await deployment.add(user, 'private');
        const tabs = [await openTab(), await openTab(), await openTab()];
        for (const tab of tabs) await tab.until(({ items }) => expect(items).toHaveLength(1), 60_000);
        await tabs[1]!.do('feed.signOut()');
        const next = await signIn();
        for (const tab of tabs) {
          await tab.until(({ status, items, unread, loaded }) => {
            expect(status).toEqual({ state: 'stopped', reason: 'signed-out' });
            expect({ items, unread, loaded }).toEqual({ items: [], unread: 0, loaded: false });
          }, 60_000);
        }
        await eventually(async () => expect(await openStreams()).toBe(0), STEP);
        await tabs[0]!.do('feed.open()');
        await deployment.add(next, 'mine');
        await tabs[0]!.until(({ titles }) => expect(titles).toEqual(['Task mine']), 60_000);
        await deployment.add(user, 'too late');
        expect((await tabs[2]!.state()).items).toEqual([]);
      }, 180_000);

      if (keepsLeftPages) {
        it('goes on, with nothing lost or doubled, in a page that the user leaves and returns to', async () => {
          const user = await signIn();
          const leader = await openTab();
          const follower = await openTab();
          const sent: string[] = [];
          const isUpToDate = (tab: Tab): Promise<unknown> =>
            tab.until(({ heard, status }) => expect([heard, status.state]).toEqual([sent, 'live']), 60_000);
          for (const tab of [leader, follower]) await isUpToDate(tab);
          for (const [leaving, staying] of [
            [follower, leader],
            [leader, follower],
          ] as const) {
            await leaving.page.goto(`${application.origin}/elsewhere`);
            sent.push(String(sent.length));
            await deployment.add(user, sent.at(-1)!);
            await isUpToDate(staying);
            await leaving.page.evaluate('history.back()');
            await eventually(
              async () => expect(await leaving.page.evaluate('location.pathname')).toBe('/blank'),
              STEP,
            );
            await isUpToDate(leaving);
            await eventually(async () => expect(await openStreams()).toBe(1), STEP);
          }
        }, 180_000);
      }

      describe('<tidings-bell>', () => {
        let page: BrowserPage;

        /** Opens a page whose bell shows a feed, an expression of the page; `$` finds in the bell. */
        async function show(feed: string, body?: string, attributes?: string): Promise<void> {
          page = await open(application.bellPage(body, attributes));
          await eventually(
            () => page.evaluate<boolean>('!!window.FakeFeed && !!customElements.get("tidings-bell")'),
            STEP,
          );
          await page.evaluate(`(() => {
            window.problems = [];
            for (const name of ['error', 'unhandledrejection', 'securitypolicyviolation'])
              addEventListener(name, (event) => problems.push(name + ': ' + (event.message ?? event.reason ?? event.violatedDirective)));
            window.bell = document.getElementById('bell');
            window.toasts = document.getElementById('toasts');
            window.$ = (selector) => bell.shadowRoot.querySelector(selector);
            window.$$ = (selector) => [...bell.shadowRoot.querySelectorAll(selector)];
            window.drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          })()`);
          await give(feed);
        }
        const give = (feed: string): Promise<unknown> =>
          page.evaluate(`(() => {
            window.feed = ${feed};
            bell.feed = feed;
            if (toasts) toasts.feed = feed;
            return drawn();
          })()`);
        const until = <T>(expression: string, expected: T): Promise<void> =>
          eventually(async () => expect(await page.evaluate<T>(expression)).toEqual(expected), STEP);
        const clickOn = async (expression: string): Promise<void> => {
          const [x, y] = await page.evaluate<[number, number]>(
            `(({ x, y, width, height }) => [x + width / 2, y + height / 2])((${expression}).getBoundingClientRect())`,
          );
          await page.click(Math.round(x), Math.round(y));
        };
        /** What has the focus: the title of a row, or the class, the id or the tag. */
        const focus = (): Promise<string> =>
          page.evaluate(`(() => {
            const at = bell.shadowRoot.activeElement ?? document.activeElement;
            return at.matches('.main') ? at.querySelector('.title').textContent : at.className || at.id || at.localName;
          })()`);

        it('shows each state, within the window and above the page', async () => {
          await show(`new FakeFeed([], { loaded: false, status: { state: 'connecting' } })`);
          await clickOn('$(".bell")');
          await until('$(".panel").dataset.view', 'loading');
          const stopped = (reason: string): string =>
            `new FakeFeed([], { loaded: false, status: { state: 'stopped', reason: '${reason}' } })`;
          for (const [feed, view] of [
            ['new FakeFeed(ordinary())', 'list'],
            ['new FakeFeed([])', 'empty'],
            [
              `new FakeFeed([], { loaded: false, status: { state: 'offline', retryAt: Date.now() + 60_000 } })`,
              'unreachable',
            ],
            [stopped('unauthenticated'), 'signed-out'],
            [stopped('forbidden'), 'refused'],
          ] as const) {
            await give(feed);
            await until('$(".panel").dataset.view', view);
          }
          await give('new FakeFeed(ordinary(), { unseen: 3 })');
          await until('$$(".row .title").length', await page.evaluate('ordinary().length'));
          await page.evaluate(`feed.set({ status: { state: 'offline', retryAt: Date.now() + 60_000 } })`);
          await until('$(".notice").checkVisibility()', true);
          await until(
            `(() => {
            const { left, top, right, bottom } = $('.panel').getBoundingClientRect();
            const { right: end, bottom: below } = $('.bell').getBoundingClientRect();
            return { inside: left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight,
              aligned: Math.abs(right - end) < 1.5, gap: Math.round(top - below),
              onTop: document.elementFromPoint((left + right) / 2, (top + bottom) / 2) === bell };
          })()`,
            { inside: true, aligned: true, gap: 8, onTop: true },
          );
          await page.evaluate('feed.set({ status: { state: "live" } })');
          await until('$(".notice").checkVisibility()', false);
          await until('feed.getSnapshot().unseen', 0);
          // A click elsewhere closes.
          await page.click(5, 400);
          await until('bell.open', false);
          await page.evaluate(`feed.push(item(0, { title: 'Live' }))`);
          await until('$(".badge").textContent', '1');
          expect(await page.evaluate('problems')).toEqual([]);
        }, 180_000);

        it('is opened, walked, used and closed by the keyboard, and never loses the focus', async () => {
          await show(
            'new FakeFeed(many(30).map((one, index) => ({ ...one, id: "n" + index, readAt: null })))',
            '<header><button id="before">before</button><tidings-bell id="bell"></tidings-bell><button id="after">after</button></header>',
          );
          await page.evaluate('document.getElementById("before").focus()');
          const walk: [Key, string][] = [
            ['Tab', 'bell'],
            ['Enter', 'panel'],
            ['Escape', 'bell'],
            ['Enter', 'panel'],
            ['Tab', 'quiet'],
            ['Tab', 'small menu-button'],
            ['Tab', 'Number 1'],
            ['ArrowDown', 'Number 2'],
            ['Tab', 'small toggle'],
            [' ', 'small toggle'],
            ['Tab', 'small snooze'],
            ['Enter', 'menu-item'],
            ['ArrowDown', 'menu-item'],
            ['Escape', 'small snooze'],
            ['Tab', 'small archive'],
            ['ArrowDown', 'Number 3'],
            ['End', 'Number 30'],
            ['Delete', 'Number 29'],
            ['Home', 'Number 1'],
            ['Delete', 'Number 2'],
            ['Escape', 'bell'],
            ['Tab', 'after'],
          ];
          for (const [index, [key, at]] of walk.entries()) {
            await page.press(key);
            await eventually(
              async () => expect(`${index} ${key}: ${await focus()}`).toBe(`${index} ${key}: ${at}`),
              STEP,
            );
          }
          expect(
            await page.evaluate('[feed.calls.filter((call) => call !== "markSeen"), bell.open, problems]'),
          ).toEqual([['markRead n1', 'archive n29', 'archive n0'], false, []]);
        }, 180_000);

        it('keeps the place in the list when something arrives above it', async () => {
          await show('new FakeFeed(many(30))');
          await clickOn('$(".bell")');
          await until('$(".panel").getAnimations({ subtree: true }).length', 0);
          await page.evaluate('($(".scroller").scrollTop = 900, drawn())');
          const before = await page.evaluate<number>('$$(".row")[14].getBoundingClientRect().top');
          await page.evaluate('(feed.push(item(0), item(0), item(0)), drawn())');
          await until('$$(".row").length', 33);
          await until(`Math.abs($$(".row")[17].getBoundingClientRect().top - ${before}) < 2`, true);
          await until('$(".above").checkVisibility()', true);
        }, 180_000);

        it('mirrors itself, follows the theme, and has toasts that Escape closes', async () => {
          const body =
            '<header><b>x</b><tidings-bell id="bell" theme="dark"></tidings-bell><i></i></header><button id="page">page</button><tidings-toasts id="toasts" duration="0"></tidings-toasts>';
          await show('new FakeFeed(team())', body, 'lang="ar" dir="rtl"');
          await page.evaluate('document.getElementById("page").focus()');
          await page.evaluate(`feed.push(item(0, { title: 'One' }), item(0, { title: 'Two' }))`);
          const titles =
            '[...toasts.shadowRoot.querySelectorAll(".toast:not(.leaving) .title")].map((one) => one.textContent)';
          await until(titles, ['One', 'Two']);
          await page.press('Escape');
          await until(titles, ['One']);
          expect(await page.evaluate('document.activeElement.id')).toBe('page');
          await clickOn('$(".bell")');
          await until('bell.open', true);
          // Once the panel has come in.
          await until(
            `(() => {
            const left = (selector) => Math.round($(selector).getBoundingClientRect().left);
            return { aligned: left('.panel') === left('.bell'), mirrored: left('.glyph') > left('.content'), dark: getComputedStyle($('.panel')).backgroundColor };
          })()`,
            { aligned: true, mirrored: true, dark: 'rgb(25, 27, 32)' },
          );
        }, 180_000);

        it('shows the feed of the service, live, in two windows', async () => {
          const user = await signIn();
          const body = `<tidings-bell id="bell" url="${server.origin}"></tidings-bell>`;
          const windows = [await open(application.bellPage(body)), await open(application.bellPage(body))];
          await deployment.add(user, 'one', 'two');
          const shadow = 'document.getElementById("bell").shadowRoot';
          for (const one of windows) {
            await eventually(
              async () =>
                expect(await one.evaluate(`${shadow}?.querySelector('.badge').textContent`)).toBe('2'),
              STEP,
            );
          }
          await eventually(async () => expect(await openStreams()).toBe(1), STEP);
          await windows[1]!.evaluate(`${shadow}.querySelector('.bell').click()`);
          await eventually(
            async () =>
              expect(await windows[1]!.evaluate(`${shadow}.querySelectorAll('.row').length`)).toBe(2),
            STEP,
          );
          await windows[1]!.evaluate(`${shadow}.querySelector('.row .toggle').click()`);
          await windows[0]!.evaluate(`${shadow}.querySelector('.bell').click()`);
          await eventually(
            async () =>
              expect(await windows[0]!.evaluate(`${shadow}.querySelectorAll('.row.unread').length`)).toBe(1),
            STEP,
          );
        }, 180_000);
      });
    });
  }
});
