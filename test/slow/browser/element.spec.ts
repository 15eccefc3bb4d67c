import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { BELL_ORIGIN, openBellPage } from '../../support/bell-page.js';
import { give, openPanel, settle } from '../../support/bell-scenes.js';
import { startChromium } from '../../support/chromium.js';
import { eventually } from '../../support/eventually.js';
import { describeWith } from '../../support/tools.js';

describeWith('chromium', '<tidings-bell> in Chromium', () => {
  let browser: BrowserContext;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    browser = await startChromium();
    browser.setDefaultTimeout(20_000);
    browser.on('page', (opened) => {
      opened.on('pageerror', (error) => problems.push(String(error)));
      opened.on('console', (message) => {
        if (message.type() === 'error') problems.push(message.text());
      });
    });
  }, 60_000);
  afterEach(async () => {
    await Promise.all(browser.pages().map((opened) => opened.close()));
    expect(problems.splice(0)).toEqual([]);
  });
  afterAll(() => browser?.close());

  const show = async (feed: string, options: Parameters<typeof openBellPage>[1] = {}): Promise<void> => {
    page = await openBellPage(browser, options);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await give(page, feed);
  };
  const calls = (): Promise<string[]> =>
    page.evaluate<string[]>('feed.calls.filter((call) => call !== "markSeen")');
  /** What has the focus: the class of it, or the tag. */
  const focus = (): Promise<string> =>
    page.evaluate<string>(`(() => {
      const inside = document.getElementById('bell').shadowRoot.activeElement;
      const at = inside ?? document.activeElement;
      return at.className || at.localName;
    })()`);
  const focusedTitle = (): Promise<string> =>
    page.evaluate<string>(
      `document.getElementById('bell').shadowRoot.activeElement?.querySelector('.title')?.textContent ?? ''`,
    );
  const titles = (): Promise<string[]> => page.locator('.row .title').allTextContents();
  const badge = (): Promise<string> => page.locator('.badge').innerText();
  const press = async (...keys: string[]): Promise<void> => {
    for (const key of keys) await page.keyboard.press(key);
  };

  describe('badge and panel', () => {
    it('follow live entries, a change of state on another device, replacement and removal', async () => {
      await show('new FakeFeed(ordinary().slice(0, 2), { unseen: 0 })');
      const name = (): Promise<string | null> => page.locator('.bell').getAttribute('aria-label');
      expect([await badge(), await name()]).toEqual(['', 'Notifications, 2 unread']);
      await page.evaluate(`feed.push(item(0, { id: 'new', title: 'Live' }))`);
      await settle(page);
      expect([await badge(), await name()]).toEqual(['1', 'Notifications, 1 new, 3 unread']);
      await openPanel(page);
      expect(await titles()).toEqual(['Live', 'Export of March is ready', 'New order A-1042']);
      await page.evaluate(`feed.push(item(0, { id: 'open', title: 'While it is open' }))`);
      await settle(page);
      expect((await titles())[0]).toBe('While it is open');
      await page.evaluate(`feed.markRead('new')`);
      await settle(page);
      expect(await page.locator('.row[data-id=new].unread').count()).toBe(0);
      expect(await page.locator('.count').innerText()).toBe('3');
      await page.evaluate(
        `feed.set({ items: [item(0, { id: 'other', title: 'Instead', count: 2 })], unread: 1, unseen: 0 })`,
      );
      await settle(page);
      expect(await titles()).toEqual(['Instead']);
      expect(await page.locator('.row').innerText()).toContain('2 updates');
      await page.evaluate(`feed.set({ items: [], unread: 0 })`);
      await settle(page);
      expect(await page.locator('.message-title').innerText()).toBe('All caught up');
      expect(await page.locator('.badge').isVisible()).toBe(false);
    });

    it('report as seen what was there when the bell was opened, and what arrives in the open panel', async () => {
      await show('new FakeFeed(ordinary(), { unseen: 3 })');
      expect(await badge()).toBe('3');
      await openPanel(page);
      const seen = (): Promise<number> =>
        page.evaluate<number>(`feed.calls.filter((call) => call === 'markSeen').length`);
      expect(await seen()).toBe(1);
      await page.evaluate('feed.push(item(0), item(0))');
      await eventually(async () => expect(await seen()).toBe(2));
    });

    it('report entries in the page or in an open panel as seen once somebody looks', async () => {
      const seen = (): Promise<number> =>
        page.evaluate<number>(`feed.calls.filter((call) => call === 'markSeen').length`);
      await show('new FakeFeed(ordinary(), { unseen: 3 })', {
        body: '<main><tidings-bell id="bell" inline></tidings-bell></main>',
      });
      await eventually(async () => expect(await seen()).toBe(1));

      await show(`new FakeFeed([], { loaded: false, status: { state: 'connecting' } })`);
      await openPanel(page);
      expect(await seen()).toBe(0);
      await page.evaluate(
        `feed.set({ items: ordinary(), unseen: 3, loaded: true, status: { state: 'live' } })`,
      );
      await eventually(async () => expect(await seen()).toBe(1));

      const look = (state: string): Promise<void> =>
        page.evaluate(`Object.defineProperty(document, 'visibilityState', { value: '${state}', configurable: true });
          document.dispatchEvent(new Event('visibilitychange'));`);
      await look('hidden');
      await page.evaluate('feed.push(item(0))');
      // Longer than the element waits before it says so.
      await page.evaluate('new Promise((done) => setTimeout(done, 1_200))');
      expect(await seen()).toBe(1);
      await look('visible');
      expect(await seen()).toBe(2);
    });

    it('count beyond what the badge has room for', async () => {
      await show('new FakeFeed([], { unseen: 1204 })');
      expect(await badge()).toBe('99+');
      expect(await page.locator('.bell').getAttribute('aria-label')).toBe('Notifications, 99+ new');
    });

    it('mark a followed link, a single dot or everything as read, and archive', async () => {
      await show('new FakeFeed(ordinary().map((one, index) => ({ ...one, id: "n" + index })))');
      await openPanel(page);
      await page.locator('.row[data-id=n1] .toggle').click();
      await page.locator('.row[data-id=n3]').hover();
      await page.locator('.row[data-id=n3] .toggle').click();
      await page.locator('.row[data-id=n2]').hover();
      await page.locator('.row[data-id=n2] .archive').click();
      await page.getByRole('button', { name: 'Mark all read' }).click();
      await page.getByRole('link', { name: 'Export of March is ready' }).click();
      await page.waitForURL(`${BELL_ORIGIN}/exports/7`);
      await page.goBack();
      expect(problems).toEqual([]);
    });

    it('call the feed for each action', async () => {
      await show('new FakeFeed(ordinary().map((one, index) => ({ ...one, id: "n" + index })))');
      await page.evaluate(`document.addEventListener('tidings-select', (event) => {
        event.preventDefault();
        window.routed = event.detail.item.link;
      })`);
      await openPanel(page);
      await page.locator('.row[data-id=n1] .toggle').click();
      await page.locator('.row[data-id=n3] .toggle').click();
      await page.locator('.row[data-id=n2] .archive').click();
      await page.getByRole('link', { name: 'Export of March is ready' }).click();
      // The application routes by itself: the page stays, the panel goes.
      expect(
        await page.evaluate('[routed, location.pathname, document.getElementById("bell").open]'),
      ).toEqual(['/exports/7', '/', false]);
      await openPanel(page);
      await page.getByRole('button', { name: 'Mark all read' }).click();
      await page.getByRole('button', { name: 'Mark all read' }).click({ force: true });
      expect(await calls()).toEqual([
        'markRead n1',
        'markUnread n3',
        'archive n2',
        'markRead n0',
        'markAllRead',
      ]);
    });

    it('leave another tab to the browser, also where the application routes by itself', async () => {
      await show('new FakeFeed(ordinary().map((one, index) => ({ ...one, id: "n" + index })))');
      await page.evaluate(`
        window.routed = 0;
        document.addEventListener('tidings-select', (event) => { event.preventDefault(); routed++; });
        document.addEventListener('click', (event) => {
          window.prevented = event.defaultPrevented;
          event.preventDefault();
        });`);
      await openPanel(page);
      await page
        .getByRole('link', { name: 'Export of March is ready' })
        .click({ modifiers: ['ControlOrMeta'] });
      expect(await page.evaluate('[routed, prevented, document.getElementById("bell").open]')).toEqual([
        0,
        false,
        true,
      ]);
      expect(await calls()).toEqual(['markRead n0']);
    });

    it('report a failed action, which the feed rolls back', async () => {
      await show(`Object.assign(new FakeFeed(ordinary()), { failure: new Error('no') })`);
      await openPanel(page);
      await page.getByRole('button', { name: 'Mark all read' }).click();
      await page.getByText('The change could not be saved and was undone.').first().waitFor();
      expect(await page.locator('.row.unread').count()).toBe(4);
    });

    it('release a feed that is replaced or whose element leaves the page, and take it up again', async () => {
      await show('new FakeFeed(ordinary())');
      const observers = (): Promise<number> => page.evaluate<number>('feed.observers');
      expect(await observers()).toBe(2);
      await page.evaluate(
        `window.bell = document.getElementById('bell'); document.querySelector('main').append(bell)`,
      );
      await settle(page);
      expect(await observers()).toBe(2);
      await page.evaluate('bell.remove()');
      await settle(page);
      expect([await observers(), await calls()]).toEqual([0, []]);
      await page.evaluate(`document.querySelector('main').append(bell)`);
      await settle(page);
      expect(await observers()).toBe(2);
      await page.evaluate('bell.feed = new FakeFeed([])');
      expect(await observers()).toBe(0);
    });
  });

  describe('the keyboard', () => {
    it('opens, reads, uses and closes the panel, and never loses the focus', async () => {
      await show('new FakeFeed(ordinary().slice(0, 4).map((one, index) => ({ ...one, id: "n" + index })))', {
        body: '<header><button id="before">before</button><tidings-bell id="bell"></tidings-bell><button id="after">after</button></header>',
      });
      await page.locator('#before').focus();
      await press('Tab');
      expect(await focus()).toBe('bell');
      await press('Enter');
      await settle(page);
      expect(await focus()).toBe('panel');
      await press('Escape');
      expect([await focus(), await page.locator('.panel').isVisible()]).toEqual(['bell', false]);
      await press('Space', 'Tab');
      expect(await focus()).toContain('quiet');
      await press('Tab');
      expect(await focusedTitle()).toBe('Export of March is ready');
      // One row is in the tab order; its buttons are behind it.
      await press('ArrowDown');
      expect(await focusedTitle()).toBe('New order A-1042');
      await press('Tab');
      expect(await focus()).toBe('small toggle');
      await press('Space', 'Tab');
      expect(await focus()).toBe('small archive');
      await press('ArrowDown');
      expect(await focusedTitle()).toBe('Import of 1,204 contacts');
      await press('End');
      expect(await focusedTitle()).toBe('New order A-1041');
      await press('Delete');
      await settle(page);
      // Whose row is gone stands on the one beside it.
      expect(await focusedTitle()).toBe('Import of 1,204 contacts');
      await press('Home', 'Delete');
      await settle(page);
      expect(await focusedTitle()).toBe('New order A-1042');
      await press('Delete');
      await settle(page);
      await press('Delete');
      await settle(page);
      expect([await focus(), await page.locator('.message-title').innerText()]).toEqual([
        'panel',
        'All caught up',
      ]);
      expect(await calls()).toEqual(['markRead n1', 'archive n3', 'archive n0', 'archive n1', 'archive n2']);
      await press('Escape');
      expect(await focus()).toBe('bell');
    });

    it('closes the panel when the focus moves to the page, and leaves the focus there', async () => {
      await show('new FakeFeed(ordinary().slice(0, 1))', {
        body: '<header><tidings-bell id="bell"></tidings-bell><button class="after">after</button></header>',
      });
      await page.locator('.bell').focus();
      await press('Enter', 'Tab', 'Tab', 'Tab', 'Tab');
      expect(await focus()).toBe('small archive');
      await press('Tab');
      expect([await focus(), await page.locator('.panel').isVisible()]).toEqual(['after', false]);
    });

    it('marks where the focus is, in every place that it can have', async () => {
      await show('new FakeFeed(ordinary().slice(0, 2))');
      await page.locator('.bell').focus();
      await press('Enter');
      await settle(page);
      for (let step = 0; step < 5; step++) {
        const outline = await page.evaluate<string>(`(() => {
          const at = document.getElementById('bell').shadowRoot.activeElement;
          const own = getComputedStyle(at), over = getComputedStyle(at, '::after');
          return [own, over].map((style) => style.outlineStyle + ' ' + style.outlineWidth).join(', ');
        })()`);
        expect(outline).toContain('solid 2px');
        await press('Tab');
      }
    });

    it('keeps the row that has the focus, and the place in the list, when something arrives', async () => {
      await show('new FakeFeed(many(30))');
      await openPanel(page);
      await press('ArrowDown', ...Array.from({ length: 12 }, () => 'ArrowDown'));
      const title = await focusedTitle();
      const top = (): Promise<number> =>
        page.evaluate<number>(
          `document.getElementById('bell').shadowRoot.activeElement.getBoundingClientRect().top`,
        );
      const before = await top();
      await page.evaluate('feed.push(item(0), item(0), item(0))');
      await settle(page);
      expect(await focusedTitle()).toBe(title);
      expect(Math.abs((await top()) - before)).toBeLessThan(2);
      await page.getByRole('button', { name: '3 new', exact: true }).click();
      expect(await focusedTitle()).toBe((await titles())[0]);
    });
  });

  it('announces a burst in one sentence, and no further one at once', async () => {
    await show('new FakeFeed(ordinary())');
    await page.evaluate(`{
      window.said = [];
      const region = document.getElementById('bell').shadowRoot.querySelector('[role=status]');
      new MutationObserver(() => region.textContent && said.push(region.textContent)).observe(region, { childList: true });
      for (let index = 0; index < 100; index++) feed.push(item(0));
    }`);
    const said = (): Promise<string[]> => page.evaluate<string[]>('said');
    await eventually(async () => expect(await said()).toEqual(['100 new notifications']));
    await page.evaluate(`feed.push(item(0, { title: 'One more' }))`);
    await page.waitForTimeout(1_500);
    expect(await said()).toHaveLength(1);
    await eventually(async () => expect((await said()).slice(1)).toEqual(['New notification: One more']));
  });

  describe('content of a producer', () => {
    it('stays text, in a page that trusts no script', async () => {
      const attack = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
      await show(
        `new FakeFeed([item(0, { title: ${JSON.stringify(attack)}, body: ${JSON.stringify(attack)}, type: ${JSON.stringify('"><b>')} })])`,
      );
      await openPanel(page);
      expect(await page.locator('.row .title').innerText()).toBe(attack);
      expect(await page.locator('.row .body').textContent()).toBe(attack);
      expect(await page.locator('.row img, .row script, .row b').count()).toBe(0);
      expect(await page.evaluate('window.hacked')).toBeUndefined();
    });

    it('becomes a link only if it is http(s) or begins with one "/"', async () => {
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
        '',
      ];
      await show(
        `new FakeFeed(${JSON.stringify([...unsafe, ...safe])}.map((link) => item(0, { title: link || '(empty)', link })))`,
      );
      await openPanel(page);
      expect(await titles()).toEqual([...unsafe.map((link) => link || '(empty)'), ...safe]);
      const hrefs = await page.evaluate(
        `[...document.getElementById('bell').shadowRoot.querySelectorAll('a')].map((a) => a.getAttribute('href'))`,
      );
      expect(hrefs).toEqual(safe);
    });

    it('cannot break the list with nonsense', async () => {
      await show(
        `new FakeFeed([item(0, { title: 'no time', createdAt: 'yesterday' }), item(0, { title: 'of 3000', createdAt: '3000-01-01T00:00:00.000Z' }), item(0, { title: 'no data', data: null, link: 7 })])`,
      );
      await page.evaluate(
        `document.getElementById('bell').present = () => ({ icon: 'no such', tone: 'neither' })`,
      );
      await openPanel(page);
      expect(await titles()).toEqual(['no time', 'of 3000', 'no data']);
      expect(await page.locator('.day').allTextContents()).toEqual(['Today']);
    });
  });

  describe('a list of 10,000 entries', () => {
    it('opens at once, reaches every entry, and scrolls smoothly', async () => {
      await show('new FakeFeed(many(10_000))');
      const openMs = await page.evaluate<number>(`(async () => {
        const began = performance.now();
        document.getElementById('bell').open = true;
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        return performance.now() - began;
      })()`);
      await press('ArrowDown', 'End');
      expect(await focusedTitle()).toBe('Number 10000');
      expect(await page.locator('.row').count()).toBe(10_000);
      // Up over 18,000 pixels from the middle of them, 120 a frame, as a fast wheel does.
      const frames = await page.evaluate<number[]>(`(async () => {
        const scroller = document.getElementById('bell').shadowRoot.querySelector('.scroller');
        const frame = () => new Promise((done) => requestAnimationFrame(done));
        scroller.scrollTop = 400_000;
        await frame();
        const times = [];
        let last = await frame();
        for (let step = 0; step < 150; step++) {
          scroller.scrollTop -= 120;
          const now = await frame();
          times.push(now - last);
          last = now;
        }
        return times;
      })()`);
      const sorted = [...frames].sort((a, b) => a - b);
      const at = (part: number): number => Math.round(sorted[Math.floor(part * (sorted.length - 1))]!);
      const figures = `open ${Math.round(openMs)} ms, frames p50 ${at(0.5)} p95 ${at(0.95)} max ${at(1)} ms`;
      if (process.env['VERBOSE']) console.log(figures);
      // On an idle machine 17; a busy one has its own ideas. What does not depend on it: few are drawn at all.
      expect(at(0.5)).toBeLessThan(100);
      const drawn = await page.evaluate<number>(
        `[...document.getElementById('bell').shadowRoot.querySelectorAll('.row')].filter((row) => row.checkVisibility({ contentVisibilityAuto: true })).length`,
      );
      expect(drawn).toBeGreaterThan(4);
      expect(drawn).toBeLessThan(150);
      // What is out of sight is there all the same for who reads with the ears.
      await page.evaluate(
        `feed.push(item(0, { title: 'New' })); document.getElementById('bell').shadowRoot.querySelector('.scroller').scrollTop = 0`,
      );
      await settle(page);
      expect((await titles()).slice(0, 2)).toEqual(['New', 'Number 1']);
    }, 60_000);

    it('loads page by page at its end, and retries a failed page only on request', async () => {
      await show(
        'Object.assign(new FakeFeed(many(25), { hasMore: true }), { older: [many(25), many(25), many(25)] })',
      );
      await openPanel(page);
      expect(await calls()).toEqual([]);
      const toEnd = `{ const s = document.getElementById('bell').shadowRoot.querySelector('.scroller'); s.scrollTop = s.scrollHeight; }`;
      await page.evaluate(toEnd);
      await eventually(async () => expect(await calls()).toEqual(['loadMore']));
      await settle(page);
      await page.evaluate(toEnd);
      // Or more, if the end is still near when they are there.
      await eventually(async () => expect(await page.locator('.row').count()).toBeGreaterThanOrEqual(50));
      await eventually(async () => expect(await calls()).toEqual(['loadMore', 'loadMore']));
      await eventually(async () => expect(await page.evaluate('feed.getSnapshot().items.length')).toBe(75));
      await page.evaluate(`feed.failure = new Error('no')`);
      for (let turn = 0; turn < 3; turn++) {
        await page.evaluate(toEnd);
        await settle(page);
      }
      await page.getByText('Older notifications could not be loaded.').waitFor();
      await page.evaluate(toEnd);
      await settle(page);
      expect(await calls()).toEqual(['loadMore', 'loadMore', 'loadMore']);
      await page.evaluate('feed.failure = null');
      await page.getByRole('button', { name: 'Try again' }).click();
      await eventually(async () => expect(await page.locator('.row').count()).toBe(100));
    });
  });

  it('mirrors itself where text runs from right to left', async () => {
    await show('new FakeFeed(ordinary())', { attributes: 'lang="ar" dir="rtl"' });
    await openPanel(page);
    const box = async (selector: string): Promise<{ left: number; right: number }> => {
      const { x, width } = (await page.locator(selector).first().boundingBox())!;
      return { left: x, right: x + width };
    };
    expect((await box('.panel')).left).toBe((await box('.bell')).left);
    expect((await box('.glyph')).left).toBeGreaterThan((await box('.content')).right);
    expect((await box('.toggle')).right).toBeLessThan((await box('.content')).left);
    expect(await page.locator('.day').first().textContent()).toBe('اليوم');
    // Of a text in another script the letters keep their order, and its line begins where all begin.
    const title = await page.evaluate<{ direction: string; textAlign: string }>(
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
    if (own) await page.evaluate(`document.getElementById('bell').setAttribute('lang', '${own}')`);
    await openPanel(page);
    expect(await page.locator('.day').first().textContent()).toBe(today);
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
      await page.setViewportSize(viewport);
      for (const corner of corners) {
        await page.evaluate(`{
          const bell = document.getElementById('bell');
          bell.open = false;
          bell.style.cssText = 'position: fixed; ${corner}';
        }`);
        await openPanel(page);
        const { x, y, width, height } = (await page.locator('.panel').boundingBox())!;
        const inside = [x >= 0, y >= 0, x + width <= viewport.width, y + height <= viewport.height];
        expect(inside).toEqual([true, true, true, true]);
        expect(width).toBe(Math.min(400, viewport.width));
      }
    }
  }, 60_000);

  it('takes the theme, colours and words of the application, and honours reduced motion', async () => {
    await show('new FakeFeed(ordinary())');
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
    await page.evaluate(`{
      const bell = document.getElementById('bell');
      bell.setAttribute('theme', 'light');
      bell.strings = { title: 'Post', markAllRead: 'Alles gelesen' };
      const sheet = new CSSStyleSheet();
      sheet.replaceSync('tidings-bell { --tidings-accent: rgb(1, 2, 3) } tidings-bell::part(title) { text-transform: uppercase }');
      document.adoptedStyleSheets = [sheet];
    }`);
    await openPanel(page);
    const style = (selector: string, property: string): Promise<string> =>
      page.evaluate<string>(
        `getComputedStyle(document.getElementById('bell').shadowRoot.querySelector('${selector}')).${property}`,
      );
    expect(await style('.panel', 'backgroundColor')).toBe('rgb(255, 255, 255)');
    expect(await style('.dot', 'backgroundColor')).toBe('rgb(1, 2, 3)');
    expect(await style('.heading', 'textTransform')).toBe('uppercase');
    expect(await page.locator('.heading').textContent()).toBe('Post');
    expect(await page.getByRole('button', { name: 'Alles gelesen' }).count()).toBe(1);
    expect(await page.evaluate(`document.getElementById('bell').shadowRoot.getAnimations().length`)).toBe(0);
  });
});
