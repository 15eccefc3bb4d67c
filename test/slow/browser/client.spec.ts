import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { startPageServer } from '../../support/chromium.js';
import { clientBench } from '../../support/client-bench.js';
import { ClientTab, reactScript } from '../../support/client-tab.js';
import { eventually } from '../../support/eventually.js';
import { TcpProxy } from '../../support/tcp-proxy.js';
import { describeWith } from '../../support/tools.js';

describeWith('chromium', 'tidings/client in Chromium, in a page of another origin', () => {
  const bench = clientBench();
  const { kill, restart, newUser, signIn, openTab, openStreams } = bench;

  it('shows old and new notifications, and calls listeners for new ones only', async () => {
    const user = await signIn();
    await bench.deployment.add(user, 'before');
    const tab = await openTab();
    await tab.until(({ status, items }) => {
      expect(status.state).toBe('live');
      expect(items).toHaveLength(1);
    });
    await bench.deployment.add(user, 'after');
    const state = await tab.until(({ items }) => expect(items).toHaveLength(2));
    expect(state.titles).toEqual(['Task after', 'Task before']);
    expect(state).toMatchObject({ heard: ['after'], unread: 2, unseen: 2, hasMore: false, loaded: true });
  }, 60_000);

  it.each(['fetch', 'eventsource'])(
    'receives once what it missed during a restart of the server, by %s',
    async (transport) => {
      const user = await signIn();
      const tab = await openTab({ transport });
      await tab.until(({ status }) => expect(status.state).toBe('live'));
      await bench.deployment.add(user, '1');
      await tab.until(({ heard }) => expect(heard).toEqual(['1']));
      await kill();
      await tab.until(({ status }) => expect(status.state).toBe('offline'));
      await bench.deployment.add(user, '2', '3');
      await restart();
      const { heard, states, unread } = await tab.until(({ status, items }) => {
        expect(status.state).toBe('live');
        expect(items).toHaveLength(3);
      }, 60_000);
      expect([...heard].sort()).toEqual(['1', '2', '3']);
      expect(states).toEqual(['connecting', 'live', 'offline', 'live']);
      expect(unread).toBe(3);
    },
    120_000,
  );

  it('notices at once that the network is gone, and that it is back', async () => {
    const user = await signIn();
    const tab = await openTab();
    await tab.until(({ status }) => expect(status.state).toBe('live'));
    await bench.browser.setOffline(true);
    await tab.until(({ status }) => expect(status.state).toBe('offline'));
    await bench.deployment.add(user, 'missed');
    // By now it waits for long.
    await tab.until(({ status }) => status.state === 'offline' && status.retryAt - Date.now() > 3_000);
    await bench.browser.setOffline(false);
    const { heard } = await tab.until(({ status, items }) => {
      expect(status.state).toBe('live');
      expect(items).toHaveLength(1);
    }, 2_000);
    expect(heard).toEqual(['missed']);
  }, 60_000);

  it('notices a silent connection, and replaces it', async () => {
    const user = await signIn();
    const proxy = await TcpProxy.start(Number(new URL(bench.origin).port));
    const tab = await openTab({ url: `http://127.0.0.1:${proxy.port}`, heartbeatMs: 1_000 });
    await tab.until(({ status }) => expect(status.state).toBe('live'));
    proxy.silence();
    await bench.deployment.add(user, 'into the void');
    const { heard } = await tab.until(({ items }) => expect(items).toHaveLength(1), 6_000);
    expect(heard).toEqual(['into the void']);
    await tab.close();
    await proxy.close();
  }, 60_000);

  // Before the tests that move the clock of the browser, which stays moved.
  describe('a token', () => {
    const openWith = (
      token: (reason: string) => string | null | Promise<string | null>,
    ): Promise<ClientTab> =>
      ClientTab.open(bench.browser, bench.application.origin, { url: bench.origin, tabs: 'alone' }, token);

    it('is renewed before it ends, with nothing missed and never offline', async () => {
      const user = newUser();
      // It is renewed when a tenth is left: more than a busy machine needs for a request, and than Chromium's timers of a hidden tab are late.
      const tab = await openWith(() => bench.deployment.token(user, 20));
      await tab.until(({ status }) => expect(status.state).toBe('live'));
      const sent: string[] = [];
      while ((await tab.state()).asked.length < 2) {
        sent.push(String(sent.length));
        await bench.deployment.add(user, sent.at(-1)!);
        await tab.until(({ heard }) => expect(heard).toEqual(sent));
      }
      const { asked, states } = await tab.state();
      expect(asked).toEqual(['initial', 'expiring']);
      expect(states).toEqual(['connecting', 'live']);
    }, 60_000);

    it('is requested again when the server rejects it, and given up when that one is rejected, too', async () => {
      const user = newUser();
      const tokens = ['expired long ago', await bench.deployment.token(user), 'nonsense', 'nonsense, too'];
      const tab = await openWith(() => tokens.shift() ?? null);
      await tab.until(({ status }) => expect(status.state).toBe('live'));
      expect((await tab.state()).asked).toEqual(['initial', 'refused']);
      await tab.do('feed.close()');

      const other = await openWith(() => 'nonsense');
      const { status, asked } = await other.until(({ status }) => expect(status.state).toBe('stopped'));
      expect(status).toEqual({ state: 'stopped', reason: 'unauthenticated' });
      expect(asked).toEqual(['initial', 'refused']);
    }, 60_000);

    it('is requested again after signing out, though the former one would still be accepted', async () => {
      const [former, next] = [newUser(), newUser()];
      await bench.deployment.add(former, 'of the former');
      await bench.deployment.add(next, 'of the next');
      const tokens = [await bench.deployment.token(former), await bench.deployment.token(next)];
      const tab = await openWith(() => tokens.shift() ?? null);
      await tab.until(({ titles }) => expect(titles).toEqual(['Task of the former']));
      await tab.do('feed.signOut()');
      await tab.until(({ items, status }) => expect([items, status.state]).toEqual([[], 'stopped']));
      await tab.do('feed.open()');
      const { asked } = await tab.until(({ titles }) => expect(titles).toEqual(['Task of the next']));
      expect(asked).toEqual(['initial', 'initial']);
    }, 60_000);
  });

  describe('five tabs', () => {
    /** Opens five tabs that share; resolves when all are live. */
    async function openFive(options: object = {}): Promise<ClientTab[]> {
      const tabs: ClientTab[] = [];
      for (let i = 0; i < 5; i += 1) tabs.push(await openTab(options));
      for (const tab of tabs) await tab.until(({ status }) => expect(status.state).toBe('live'));
      return tabs;
    }

    it('share one connection', async () => {
      const user = await signIn();
      const tabs = await openFive();
      expect(await openStreams()).toBe(1);
      await bench.deployment.add(user, '1');
      for (const tab of tabs)
        await tab.until(({ heard, unread }) => expect([heard, unread]).toEqual([['1'], 1]));
      expect(await openStreams()).toBe(1);
    }, 60_000);

    it('continue at once when the leading tab is closed, with nothing missed or repeated', async () => {
      const user = await signIn();
      const tabs = await openFive();
      const sent: string[] = [];
      let isOver = false;
      const producing = (async () => {
        for (let i = 0; !isOver; i += 1) {
          sent.push(String(i));
          await bench.deployment.add(user, String(i));
          await sleep(10);
        }
      })();
      const states = () => Promise.all(tabs.map((tab) => tab.state()));
      for (let closed = 0; closed < 3; closed += 1) {
        await tabs[0]!.until(({ heard }) => expect(heard.length).toBeGreaterThan(2));
        // The first one to open leads, and after it who waits longest.
        await tabs.shift()!.close();
        // The lock of a closed tab is free at once; a busy machine takes its time to notice all of it.
        await eventually(async () => expect(await openStreams()).toBe(1));
      }
      isOver = true;
      await producing;
      await eventually(
        async () => {
          for (const { heard, unread } of await states()) {
            expect([heard.length, unread]).toEqual([sent.length, sent.length]);
          }
        },
        { timeoutMs: 20_000 },
      );
      const [first, ...others] = await states();
      expect([...first!.heard].sort()).toEqual([...sent].sort());
      // In the order of the log, the same in all of them.
      for (const { heard } of others) expect(heard).toEqual(first!.heard);
    }, 60_000);

    it('continue within a heartbeat when the leading tab is frozen', async () => {
      const user = await signIn();
      const tabs = await openFive();
      const [leader, ...others] = tabs;
      const session = await bench.browser.newCDPSession(leader!.page);
      // Not even messages wake it. (Chromium's own freezing spares pages that hold a lock.)
      await session.send('Debugger.enable');
      const paused = new Promise((resolve) => session.once('Debugger.paused', resolve));
      await session.send('Debugger.pause');
      await paused;
      await bench.deployment.add(user, 'meanwhile');
      // While the leader sleeps, so from another one.
      for (const tab of others) await tab.until(({ heard }) => expect(heard).toEqual(['meanwhile']));
      await session.send('Debugger.resume');
      await session.send('Debugger.disable');
      await leader!.until(({ heard }) => expect(heard).toEqual(['meanwhile']));
      await eventually(async () => expect(await openStreams()).toBe(1));
    }, 60_000);

    it('ignore rubbish of other scripts, and go on after a sign-out that is not true', async () => {
      const user = await signIn();
      await bench.deployment.add(user, 'first');
      const tabs = (await openFive()).slice(0, 3);
      const errors: unknown[] = [];
      for (const tab of tabs) {
        await tab.until(({ items }) => expect(items).toHaveLength(1));
        tab.page.on('pageerror', (error) => errors.push(error));
      }
      const post = (messages: string): Promise<unknown> =>
        tabs[0]!.do(`(() => {
          const [epoch] = feed.items[0].cursor.split('-');
          const channel = new BroadcastChannel('tidings ' + new URL('/v1/', ${JSON.stringify(bench.origin)}).href + ' ' + epoch);
          for (const message of ${messages}) channel.postMessage(message);
          channel.close();
        })()`);
      await post(`[null, 7, 'x', {}, { kind: 'frame' }, { kind: 'frame', relayed: {} }, { kind: 'status' }, { kind: 'hello' },
        { kind: 'begins', seq: '9' }, { kind: 'reset' }, { kind: 'reset', frame: { event: '', id: '', data: 'x' } },
        { kind: 'status', status: { state: 'stopped', reason: 'unauthenticated' } },
        { kind: 'frame', relayed: { before: 0, after: 9, frame: { event: 'x', id: epoch + '-9', data: '{"id":1}' } } }]`);
      await bench.deployment.add(user, 'second');
      for (const tab of tabs) {
        await tab.until(({ heard, status }) => expect([heard, status.state]).toEqual([['second'], 'live']));
      }
      const all = (items: number, state: string): Promise<unknown> =>
        Promise.all(
          tabs.map((tab) =>
            tab.until((now) => expect([now.items.length, now.status.state]).toEqual([items, state])),
          ),
        );
      // Of all tabs.
      await bench.browser.clock.install();
      await post(`[{ kind: 'signed-out' }]`);
      await all(0, 'stopped');
      await bench.browser.clock.fastForward(40_000);
      await all(2, 'live');
      expect(errors).toEqual([]);
    }, 60_000);

    it('stay signed out when the application takes long to drop the credential', async () => {
      const user = await signIn();
      await bench.deployment.add(user, 'private');
      const [first, second] = await openFive();
      for (const tab of [first!, second!]) await tab.until(({ items }) => expect(items).toHaveLength(1));
      await bench.browser.clock.install();
      await first!.do('feed.signOut()');
      await second!.until(({ status }) => expect(status.state).toBe('stopped'));
      const states = (): Promise<string[]> => second!.state().then(({ states }) => states);
      const before = await states();
      await bench.browser.clock.fastForward(25_000);
      const tried = second!.page.waitForResponse((response) => response.url().includes('/v1/notifications'));
      await bench.browser.clearCookies();
      await bench.browser.clock.fastForward(15_000);
      expect((await tried).status()).toBe(401);
      expect(await states()).toEqual(before);
    }, 60_000);

    it('forget everything when one signs out, and show the next user nothing of it', async () => {
      const user = await signIn();
      await bench.deployment.add(user, 'private');
      const tabs = (await openFive()).slice(0, 3);
      for (const tab of tabs) await tab.until(({ items }) => expect(items).toHaveLength(1));
      await tabs[1]!.do('feed.signOut()');
      await signIn();
      for (const tab of tabs) {
        await tab.until(({ status, items, unread, loaded }) => {
          expect(status).toEqual({ state: 'stopped', reason: 'signed-out' });
          expect({ items, unread, loaded }).toEqual({ items: [], unread: 0, loaded: false });
        });
      }
      await eventually(async () => expect(await openStreams()).toBe(0));
      const next = await signIn();
      await tabs[0]!.do('feed.open()');
      await bench.deployment.add(next, 'mine');
      const { titles } = await tabs[0]!.until(({ items }) => expect(items).toHaveLength(1));
      expect(titles).toEqual(['Task mine']);
      await bench.deployment.add(user, 'too late');
      expect((await tabs[2]!.state()).items).toEqual([]);
    }, 60_000);
  });

  it('shows nothing of the former user when the cookie becomes another one during a break', async () => {
    const former = await signIn();
    await bench.deployment.add(former, 'private');
    const tab = await openTab();
    await tab.until(({ items }) => expect(items).toHaveLength(1));
    const next = await signIn();
    await bench.deployment.add(next, 'mine');
    // Otherwise it may come live.
    await eventually(async () => {
      const [row] = await bench.deployment.sql(`SELECT head FROM tidings.feed WHERE recipient = '${next}'`);
      expect(Number(row?.['head'])).toBe(1);
    });
    await tab.do('feed.close()');
    await tab.do('feed.open()');
    const { resets, heard } = await tab.until(({ status, titles }) => {
      expect(status.state).toBe('live');
      expect(titles).toEqual(['Task mine']);
    });
    expect({ resets, heard }).toEqual({ resets: ['epoch'], heard: [] });
  }, 60_000);

  it('reads the first page again when the retention has trimmed what it missed', async () => {
    const user = await signIn();
    const tab = await openTab();
    await tab.until(({ status }) => expect(status.state).toBe('live'));
    await bench.deployment.add(user, '1');
    await tab.until(({ heard }) => expect(heard).toEqual(['1']));
    await tab.do('feed.close()');
    await bench.deployment.add(user, '2', '3', '4');
    const feed = `(SELECT id FROM tidings.feed WHERE recipient = '${user}')`;
    await eventually(async () => {
      const [row] = await bench.deployment.sql(`SELECT head FROM tidings.feed WHERE id = ${feed}`);
      expect(Number(row?.['head'])).toBe(4);
    });
    await bench.deployment.sql(`UPDATE tidings.feed SET floor = 3 WHERE id = ${feed}`);
    await bench.deployment.sql(`DELETE FROM tidings.entry WHERE seq <= 3 AND feed_id = ${feed}`);
    await tab.do('feed.open()');
    // The one that was there is shown until the new first page is.
    const { resets, heard, titles } = await tab.until(({ heard }) => expect(heard).toHaveLength(2));
    expect(resets).toEqual(['expired']);
    expect(titles).toEqual([`Task ${heard.at(-1)}`]);
  }, 60_000);

  describe('changes of notifications', () => {
    it('appear at once, in the other tab and on another device, with the same counts everywhere', async () => {
      const user = await signIn();
      await bench.deployment.add(user, '1', '2', '3');
      const here = await openTab();
      const other = await openTab();
      const device = await openTab({ tabs: 'alone' });
      const all = [here, other, device];
      for (const tab of all) await tab.until(({ items }) => expect(items).toHaveLength(3));

      const at = await here.do<object>(`(() => {
        const [newest, middle] = feed.items;
        window.done = Promise.all([feed.markSeen(), feed.markRead(newest.id), feed.archive(middle.id)]);
        return { unread: feed.unread, unseen: feed.unseen, left: feed.items.length };
      })()`);
      expect(at).toEqual({ unread: 1, unseen: 0, left: 2 });
      await here.do('done');
      for (const tab of all) {
        await tab.until(({ items, unread, unseen }) => {
          expect(items.map(({ readAt }) => readAt !== null)).toEqual([true, false]);
          expect([unread, unseen]).toEqual([1, 0]);
        });
      }
      await other.do('feed.markAllRead()');
      await device.do('feed.remove(feed.items[0].id)');
      for (const tab of all) {
        await tab.until(({ items, unread }) =>
          expect([items.length, unread, items[0]?.readAt !== null]).toEqual([1, 0, true]),
        );
      }
      expect(await openStreams()).toBe(2);
    }, 60_000);

    it('are rolled back with the reason when the server rejects them', async () => {
      const user = await signIn();
      await bench.deployment.add(user, '1');
      const tab = await openTab();
      await tab.until(({ items }) => expect(items).toHaveLength(1));
      const result = await tab.do(`(async () => {
        const errors = [];
        feed.on('error', ({ code }) => errors.push(code));
        const stranger = crypto.randomUUID();
        const asked = feed.remove(feed.items[0].id + stranger.slice(0, 1));
        const failed = await feed.markRead(feed.items[0].id, stranger).catch(({ status }) => status);
        await asked.catch(() => {});
        return { failed, errors: errors.length, unread: feed.unread, readAt: feed.items[0].readAt };
      })()`);
      expect(result).toEqual({ failed: 404, errors: 2, unread: 1, readAt: null });
    }, 60_000);

    it('load older pages until there is none', async () => {
      const user = await signIn();
      await bench.deployment.add(user, ...Array.from({ length: 7 }, (_, i) => String(i)));
      const tab = await openTab({ pageSize: 3, open: false });
      await eventually(
        async () => {
          const rows = await bench.deployment.sql(
            `SELECT FROM tidings.feed WHERE recipient = '${user}' AND head = 7`,
          );
          expect(rows).toHaveLength(1);
        },
        { timeoutMs: 20_000 },
      );
      await tab.do('feed.open()');
      await tab.until(({ items, hasMore }) => expect([items.length, hasMore]).toEqual([3, true]));
      await tab.do('Promise.all([feed.loadMore(), feed.loadMore()])');
      expect(await tab.state()).toMatchObject({ hasMore: true, items: { length: 6 } });
      await tab.do('feed.loadMore()');
      const { items, hasMore, heard } = await tab.state();
      expect(new Set(items.map(({ id }) => id)).size).toBe(7);
      expect([hasMore, heard]).toEqual([false, []]);
    }, 60_000);
  });

  it('serves React in strict mode: live, with one connection, and none when it is gone', async () => {
    const user = await signIn();
    const page = await bench.browser.newPage();
    await page.goto(bench.application.origin);
    await page.addScriptTag({ content: await reactScript() });
    await page.evaluate(`show(${JSON.stringify(bench.origin)})`);
    const text = (): Promise<string | null> => page.textContent('b');
    await eventually(async () => expect(await text()).toBe('live 0 0'), { timeoutMs: 20_000 });
    await eventually(async () => expect(await openStreams()).toBe(1));
    await bench.deployment.add(user, 'react');
    await eventually(async () => expect(await text()).toBe('live 1 1 react'), { timeoutMs: 20_000 });
    await page.click('b');
    await eventually(async () => expect(await text()).toBe('live 1 0 react'), { timeoutMs: 20_000 });
    await page.evaluate('hide()');
    await eventually(async () => expect(await openStreams()).toBe(0));
  }, 60_000);

  it('tells React about Web Push: from the click on, with refusals and failures, and nothing of a former user', async () => {
    const page = await bench.browser.newPage();
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(String(error)));
    await page.goto(bench.application.origin);
    await page.addScriptTag({ content: await reactScript() });
    const shows = (text: string): Promise<void> =>
      eventually(async () => expect(await page.textContent('b')).toBe(text), { timeoutMs: 20_000 });
    await page.evaluate('window.ada = new application.FakePush(); showPush(ada)');
    await shows('off ');
    // In the same turn: browsers ask for the permission at a click alone.
    expect(await page.evaluate(`document.querySelector('b').click(), ada.calls`)).toEqual(['subscribe']);
    await shows('on ');
    await page.evaluate(`ada.failure = new Error('no network')`);
    await page.click('b');
    await shows('on no network');
    await page.evaluate(`ada.failure = null; ada.permission = 'denied'`);
    await page.click('b');
    await shows('off ');
    await page.click('b');
    await shows('denied ');
    await page.evaluate(`ada.answer = 'wanted'`);
    await page.click('b');
    await page.evaluate(`window.grace = new application.FakePush('on'); showPush(grace)`);
    await shows('on ');
    await page.evaluate('ada.answer(), hide()');
    await page.close();
    expect(problems).toEqual([]);
  }, 60_000);

  it('keeps trying where its origin may not use the cookie, as it cannot tell that from a broken network', async () => {
    await signIn();
    const elsewhere = await startPageServer();
    const tab = await ClientTab.open(bench.browser, elsewhere.origin, { url: bench.origin });
    // The answer has no CORS headers, so that the page is told of a broken network.
    await tab.until(({ status }) => expect(status.state).toBe('offline'));
    await tab.close();
    await elsewhere.close();
  }, 60_000);
});
