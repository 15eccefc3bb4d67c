import { describe, expect, it } from '@jest/globals';
import { bellBench } from '../../support/bell-bench.js';
import { BELL_ORIGIN } from '../../support/bell-page.js';
import { openPanel, settle } from '../../support/bell-scenes.js';
import { eventually } from '../../support/eventually.js';
import { describeWith } from '../../support/tools.js';

describeWith('chromium', '<tidings-bell> in Chromium', () => {
  const bench = bellBench();
  const { show, calls, titles, badge, focus, press } = bench;

  describe('badge and panel', () => {
    it('follow live entries, a change of state on another device, replacement and removal', async () => {
      await show('new FakeFeed(ordinary().slice(0, 2), { unseen: 0 })');
      const name = (): Promise<string | null> => bench.page.locator('.bell').getAttribute('aria-label');
      expect([await badge(), await name()]).toEqual(['', 'Notifications, 2 unread']);
      await bench.page.evaluate(`feed.push(item(0, { id: 'new', title: 'Live' }))`);
      await settle(bench.page);
      expect([await badge(), await name()]).toEqual(['1', 'Notifications, 1 new, 3 unread']);
      await openPanel(bench.page);
      expect(await titles()).toEqual(['Live', 'Export of March is ready', 'New order A-1042']);
      await bench.page.evaluate(`feed.push(item(0, { id: 'open', title: 'While it is open' }))`);
      await settle(bench.page);
      expect((await titles())[0]).toBe('While it is open');
      await bench.page.evaluate(`feed.markRead('new')`);
      await settle(bench.page);
      expect(await bench.page.locator('.row[data-id=new].unread').count()).toBe(0);
      expect(await bench.page.locator('.count').innerText()).toBe('3');
      await bench.page.evaluate(
        `feed.set({ items: [item(0, { id: 'other', title: 'Instead', count: 2 })], unread: 1, unseen: 0 })`,
      );
      await settle(bench.page);
      expect(await titles()).toEqual(['Instead']);
      expect(await bench.page.locator('.row').innerText()).toContain('2 updates');
      await bench.page.evaluate(`feed.set({ items: [], unread: 0 })`);
      await settle(bench.page);
      expect(await bench.page.locator('.message-title').innerText()).toBe('All caught up');
      expect(await bench.page.locator('.badge').isVisible()).toBe(false);
    });

    it('report as seen what was there when the bell was opened, and what arrives in the open panel', async () => {
      await show('new FakeFeed(ordinary(), { unseen: 3 })');
      expect(await badge()).toBe('3');
      await openPanel(bench.page);
      const seen = (): Promise<number> =>
        bench.page.evaluate<number>(`feed.calls.filter((call) => call === 'markSeen').length`);
      expect(await seen()).toBe(1);
      await bench.page.evaluate('feed.push(item(0), item(0))');
      await eventually(async () => expect(await seen()).toBe(2));
    });

    it('report entries in the page or in an open panel as seen once somebody looks', async () => {
      const seen = (): Promise<number> =>
        bench.page.evaluate<number>(`feed.calls.filter((call) => call === 'markSeen').length`);
      await show('new FakeFeed(ordinary(), { unseen: 3 })', {
        body: '<main><tidings-bell id="bell" inline></tidings-bell></main>',
      });
      await eventually(async () => expect(await seen()).toBe(1));

      await show(`new FakeFeed([], { loaded: false, status: { state: 'connecting' } })`);
      await openPanel(bench.page);
      expect(await seen()).toBe(0);
      await bench.page.evaluate(
        `feed.set({ items: ordinary(), unseen: 3, loaded: true, status: { state: 'live' } })`,
      );
      await eventually(async () => expect(await seen()).toBe(1));

      const look = (state: string): Promise<void> =>
        bench.page
          .evaluate(`Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));`);
      await look('hidden');
      await bench.page.evaluate('feed.push(item(0))');
      // Longer than the element waits before it says so.
      await bench.page.evaluate('new Promise((done) => setTimeout(done, 1_200))');
      expect(await seen()).toBe(1);
      await look('visible');
      expect(await seen()).toBe(2);
    });

    it('count beyond what the badge has room for', async () => {
      await show('new FakeFeed([], { unseen: 1204 })');
      expect(await badge()).toBe('99+');
      expect(await bench.page.locator('.bell').getAttribute('aria-label')).toBe('Notifications, 99+ new');
    });

    it('mark a followed link, a single dot or everything as read, and archive', async () => {
      await show('new FakeFeed(ordinary().map((one, index) => ({ ...one, id: "n" + index })))');
      await openPanel(bench.page);
      await bench.page.locator('.row[data-id=n1] .toggle').click();
      await bench.page.locator('.row[data-id=n3]').hover();
      await bench.page.locator('.row[data-id=n3] .toggle').click();
      await bench.page.locator('.row[data-id=n2]').hover();
      await bench.page.locator('.row[data-id=n2] .archive').click();
      await bench.page.getByRole('button', { name: 'Mark all read' }).click();
      await bench.page.getByRole('link', { name: 'Export of March is ready' }).click();
      await bench.page.waitForURL(`${BELL_ORIGIN}/exports/7`);
      await bench.page.goBack();
      expect(bench.problems).toEqual([]);
    });

    it('call the feed for each action', async () => {
      await show('new FakeFeed(ordinary().map((one, index) => ({ ...one, id: "n" + index })))');
      await bench.page.evaluate(`document.addEventListener('tidings-select', (event) => {
        event.preventDefault();
        window.routed = event.detail.item.link;
      })`);
      await openPanel(bench.page);
      await bench.page.locator('.row[data-id=n1] .toggle').click();
      await bench.page.locator('.row[data-id=n3] .toggle').click();
      await bench.page.locator('.row[data-id=n2] .archive').click();
      await bench.page.getByRole('link', { name: 'Export of March is ready' }).click();
      // The application routes by itself: the page stays, the panel goes.
      expect(
        await bench.page.evaluate('[routed, location.pathname, document.getElementById("bell").open]'),
      ).toEqual(['/exports/7', '/', false]);
      await openPanel(bench.page);
      await bench.page.getByRole('button', { name: 'Mark all read' }).click();
      await bench.page.getByRole('button', { name: 'Mark all read' }).click({ force: true });
      expect(await calls()).toEqual([
        'markRead n1',
        'markUnread n3',
        'archive n2',
        'markRead n0',
        'markAllRead',
      ]);
    });

    it('leave another tab to the bench.browser, also where the application routes by itself', async () => {
      await show('new FakeFeed(ordinary().map((one, index) => ({ ...one, id: "n" + index })))');
      await bench.page.evaluate(`
        window.routed = 0;
        document.addEventListener('tidings-select', (event) => { event.preventDefault(); routed++; });
        document.addEventListener('click', (event) => {
          window.prevented = event.defaultPrevented;
          event.preventDefault();
        });`);
      await openPanel(bench.page);
      await bench.page
        .getByRole('link', { name: 'Export of March is ready' })
        .click({ modifiers: ['ControlOrMeta'] });
      expect(await bench.page.evaluate('[routed, prevented, document.getElementById("bell").open]')).toEqual([
        0,
        false,
        true,
      ]);
      expect(await calls()).toEqual(['markRead n0']);
    });

    it('report a failed action, which the feed rolls back', async () => {
      await show(`Object.assign(new FakeFeed(ordinary()), { failure: new Error('no') })`);
      await openPanel(bench.page);
      await bench.page.getByRole('button', { name: 'Mark all read' }).click();
      await bench.page.getByText('The change could not be saved and was undone.').first().waitFor();
      expect(await bench.page.locator('.row.unread').count()).toBe(4);
    });

    it('hide what a signed-out user cannot use, and keep the focus in the panel', async () => {
      await show('new FakeFeed(ordinary())');
      await openPanel(bench.page);
      await bench.page.getByRole('button', { name: 'More' }).focus();
      await bench.page.evaluate(
        `feed.set({ items: [], unread: 0, loaded: false, status: { state: 'stopped', reason: 'unauthenticated' } })`,
      );
      await bench.page.getByText('You are signed out').waitFor();
      expect(await focus()).toBe('panel');
      for (const name of ['More', 'Mark all read'])
        expect(await bench.page.getByRole('button', { name }).count()).toBe(0);
      await press('Escape');
      expect(await bench.page.locator('.panel').isVisible()).toBe(false);
    });

    it('release a feed that is replaced or whose element leaves the bench.page, and take it up again', async () => {
      await show('new FakeFeed(ordinary())');
      const observers = (): Promise<number> => bench.page.evaluate<number>('feed.observers');
      expect(await observers()).toBe(2);
      await bench.page.evaluate(
        `window.bell = document.getElementById('bell'); document.querySelector('main').append(bell)`,
      );
      await settle(bench.page);
      expect(await observers()).toBe(2);
      await bench.page.evaluate('bell.remove()');
      await settle(bench.page);
      expect([await observers(), await calls()]).toEqual([0, []]);
      await bench.page.evaluate(`document.querySelector('main').append(bell)`);
      await settle(bench.page);
      expect(await observers()).toBe(2);
      await bench.page.evaluate('bell.feed = new FakeFeed([])');
      expect(await observers()).toBe(0);
    });
  });

  it('announces a burst in one sentence, and no further one at once', async () => {
    await show('new FakeFeed(ordinary())');
    await bench.page.evaluate(`{
      window.said = [];
      const region = document.getElementById('bell').shadowRoot.querySelector('[role=status]');
      new MutationObserver(() => region.textContent && said.push(region.textContent)).observe(region, { childList: true });
      for (let index = 0; index < 100; index++) feed.push(item(0));
    }`);
    const said = (): Promise<string[]> => bench.page.evaluate<string[]>('said');
    await eventually(async () => expect(await said()).toEqual(['100 new notifications']));
    await bench.page.evaluate(`feed.push(item(0, { title: 'One more' }))`);
    await bench.page.waitForTimeout(1_500);
    expect(await said()).toHaveLength(1);
    await eventually(async () => expect((await said()).slice(1)).toEqual(['New notification: One more']));
  });

  describe('content of a producer', () => {
    it('stays text, in a page that trusts no script', async () => {
      const attack = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
      await show(
        `new FakeFeed([item(0, { title: ${JSON.stringify(attack)}, body: ${JSON.stringify(attack)}, type: ${JSON.stringify('"><b>')} })])`,
      );
      await openPanel(bench.page);
      expect(await bench.page.locator('.row .title').innerText()).toBe(attack);
      expect(await bench.page.locator('.row .body').textContent()).toBe(attack);
      expect(await bench.page.locator('.row img, .row script, .row b').count()).toBe(0);
      expect(await bench.page.evaluate('window.hacked')).toBeUndefined();
    });

    it('becomes a link only if it is http(s) without a user name or begins with one "/"', async () => {
      const safe = ['/exports/7', 'https://example.com/a?b#c', 'http://example.com/'];
      const unsafe = [
        'javascript:alert(1)',
        'JavaScript:alert(1)',
        ' javascript:alert(1)',
        'java\nscript:alert(1)',
        'data:text/html,<script>alert(1)</script>',
        'vbscript:x',
        '//evil.example',
        '/\\evil.example',
        '/\t/evil.example',
        'ftp://evil.example',
        'exports/7',
        'https://bank.example@evil.example/',
        'https://example.com/\u202egnp.exe',
        '',
      ];
      await show(
        `new FakeFeed(${JSON.stringify([...unsafe, ...safe])}.map((link) => item(0, { title: link || '(empty)', link })))`,
      );
      await openPanel(bench.page);
      expect(await titles()).toEqual([...unsafe.map((link) => link || '(empty)'), ...safe]);
      const hrefs = await bench.page.evaluate(
        `[...document.getElementById('bell').shadowRoot.querySelectorAll('a')].map((a) => a.getAttribute('href'))`,
      );
      expect(hrefs).toEqual(safe);
    });

    it('cannot break the list with nonsense', async () => {
      await show(
        `new FakeFeed([item(0, { title: 'no time', createdAt: 'yesterday' }), item(0, { title: 'of 3000', createdAt: '3000-01-01T00:00:00.000Z' }), item(0, { title: 'no data', data: null, link: 7 })])`,
      );
      await bench.page.evaluate(
        `document.getElementById('bell').present = () => ({ icon: 'no such', tone: 'neither' })`,
      );
      await openPanel(bench.page);
      expect(await titles()).toEqual(['no time', 'of 3000', 'no data']);
      expect(await bench.page.locator('.day').allTextContents()).toEqual(['Today']);
    });
  });

  it('mirrors itself where text runs from right to left', async () => {
    await show('new FakeFeed(ordinary())', { attributes: 'lang="ar" dir="rtl"' });
    await openPanel(bench.page);
    const box = async (selector: string): Promise<{ left: number; right: number }> => {
      const { x, width } = (await bench.page.locator(selector).first().boundingBox())!;
      return { left: x, right: x + width };
    };
    expect((await box('.panel')).left).toBe((await box('.bell')).left);
    expect((await box('.glyph')).left).toBeGreaterThan((await box('.content')).right);
    expect((await box('.toggle')).right).toBeLessThan((await box('.content')).left);
    expect(await bench.page.locator('.day').first().textContent()).toBe('اليوم');
    // Of a text in another script the letters keep their order, and its line begins where all begin.
    const title = await bench.page.evaluate<{ direction: string; textAlign: string }>(
      `(({ direction, textAlign }) => ({ direction, textAlign }))(getComputedStyle(document.getElementById('bell').shadowRoot.querySelector('.title')))`,
    );
    expect(title).toEqual({ direction: 'ltr', textAlign: 'right' });
  });

  it.each([
    ['lang="de_DE"', 'Heute'],
    ['lang="fr" data-lang="no language"', 'Aujourd’hui'],
    ['lang="no language" data-lang="de_AT.UTF-8"', 'Heute'],
  ])('names days in the nearest language that the browser knows: <html %s>', async (attributes, today) => {
    const own = /data-lang="([^"]*)"/.exec(attributes)?.[1];
    await show('new FakeFeed(ordinary())', { attributes });
    if (own) await bench.page.evaluate(`document.getElementById('bell').setAttribute('lang', '${own}')`);
    await openPanel(bench.page);
    expect(await bench.page.locator('.day').first().textContent()).toBe(today);
  });

  it('stays within the window wherever the bell is, and becomes a sheet on a phone', async () => {
    const corners = [
      'inset: 0 auto auto 0',
      'inset: 0 0 auto auto',
      'inset: auto auto 0 0',
      'inset: auto 0 0 auto',
    ];
    await show('new FakeFeed(ordinary())');
    for (const viewport of [
      { width: 900, height: 700 },
      { width: 360, height: 640 },
    ]) {
      await bench.page.setViewportSize(viewport);
      for (const corner of corners) {
        await bench.page.evaluate(`{
          const bell = document.getElementById('bell');
          bell.open = false;
          bell.style.cssText = 'position: fixed; ${corner}';
        }`);
        await openPanel(bench.page);
        const { x, y, width, height } = (await bench.page.locator('.panel').boundingBox())!;
        const inside = [x >= 0, y >= 0, x + width <= viewport.width, y + height <= viewport.height];
        expect(inside).toEqual([true, true, true, true]);
        expect(width).toBe(Math.min(400, viewport.width));
      }
    }
  }, 60_000);

  it('takes the theme, colours and words of the application, and honours reduced motion', async () => {
    await show('new FakeFeed(ordinary())');
    await bench.page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
    await bench.page.evaluate(`{
      const bell = document.getElementById('bell');
      bell.setAttribute('theme', 'light');
      bell.strings = { title: 'Post', markAllRead: 'Alles gelesen' };
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('tidings-bell { --tidings-accent: rgb(1, 2, 3) } tidings-bell::part(title) { text-transform: uppercase }');
      document.adoptedStyleSheets = [sheet];
    }`);
    await openPanel(bench.page);
    const style = (selector: string, property: string): Promise<string> =>
      bench.page.evaluate<string>(
        `getComputedStyle(document.getElementById('bell').shadowRoot.querySelector('${selector}')).${property}`,
      );
    expect(await style('.panel', 'backgroundColor')).toBe('rgb(255, 255, 255)');
    expect(await style('.dot', 'backgroundColor')).toBe('rgb(1, 2, 3)');
    expect(await style('.heading', 'textTransform')).toBe('uppercase');
    expect(await bench.page.locator('#tidings-title').textContent()).toBe('Post');
    expect(await bench.page.getByRole('button', { name: 'Alles gelesen' }).count()).toBe(1);
    expect(
      await bench.page.evaluate(`document.getElementById('bell').shadowRoot.getAnimations().length`),
    ).toBe(0);
  });
});
