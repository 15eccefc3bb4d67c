import { describe, expect, it } from '@jest/globals';
import { bellBench } from '../../support/bell-bench.js';
import { BELL_ORIGIN, TOOLBAR, WITH_TOASTS } from '../../support/bell-page.js';
import { openPanel, settle } from '../../support/bell-scenes.js';
import { eventually } from '../../support/eventually.js';
import { describeWith } from '../../support/tools.js';

describeWith('chromium', 'What people do with notifications, in Chromium', () => {
  const bench = bellBench();
  const { show, calls, focus, focusedTitle, titles, press } = bench;

  /** Until the page has a function of this name, which a request or a lock waits for. */
  const waits = (name: string): Promise<void> =>
    eventually(async () => expect(await bench.page.evaluate(`typeof window.${name}`)).toBe('function'));

  describe('<tidings-toasts>', () => {
    const toasts = (): Promise<string[]> =>
      bench.page.locator('#toasts .toast:not(.leaving) .title').allTextContents();
    const shown = (...expected: string[]): Promise<void> =>
      eventually(async () => expect(await toasts()).toEqual(expected));
    const open = async (attributes = 'duration="1000"', items = '[]'): Promise<void> => {
      await show(`new FakeFeed(${items})`, {
        body:
          WITH_TOASTS.replace('id="toasts"', `id="toasts" ${attributes}`) + '<button id="page">page</button>',
      });
    };
    const push = (...patches: object[]): Promise<void> =>
      bench.page.evaluate(`feed.push(${patches.map((patch) => `item(0, ${JSON.stringify(patch)})`).join()})`);

    it('shows what arrives for some seconds, but not what was there, and no end of the time under the pointer or the focus', async () => {
      await open('duration="1000"', 'ordinary()');
      expect(await toasts()).toEqual([]);
      await push({ title: 'One', link: '/one' });
      await shown('One');
      await bench.page.locator('#toasts .toast').hover();
      await push({ title: 'Two' });
      await shown('One', 'Two');
      await bench.page.waitForTimeout(1_300);
      await shown('One', 'Two');
      await bench.page.locator('#page').focus();
      await bench.page.locator('#toasts .main').last().focus();
      await bench.page.mouse.move(0, 0);
      await bench.page.waitForTimeout(1_300);
      await shown('One', 'Two');
      await bench.page.locator('#page').focus();
      await shown();
      // Nothing of it is left in the top layer.
      await eventually(async () => expect(await bench.page.locator('.toasts').isVisible()).toBe(false));
    });

    it('bounds the stack, keeps what is urgent, and is silent about what is not important', async () => {
      await open('duration="0" max="2"');
      await push({ title: 'Urgent', severity: 'high' });
      await shown('Urgent');
      await push({ title: 'Plain' });
      await shown('Urgent', 'Plain');
      await push({ title: 'Low', severity: 'low' }, { title: 'Next' });
      await shown('Urgent', 'Next');
    });

    it('summarizes a burst, and what was caught up after a break; its button opens the panel', async () => {
      await open();
      await push(...Array.from({ length: 12 }, () => ({})));
      await shown('12 new notifications');
      await shown();
      // What a computer does that sleeps: no timer runs, and the clock goes on.
      await bench.page.evaluate('{ const { now } = Date; Date.now = () => now() + 3_600_000; }');
      await push({ title: 'A' });
      await bench.page.waitForTimeout(200);
      await push({ title: 'B' });
      await shown('2 new notifications');
      await bench.page.locator('#toasts .main').click();
      expect(await bench.page.evaluate('document.getElementById("bell").open')).toBe(true);
      // An open panel shows them by itself.
      await push({ title: 'C' });
      await eventually(async () => expect((await titles())[0]).toBe('C'));
      await bench.page.waitForTimeout(200);
      expect(await toasts()).toEqual([]);
    });

    it('shows nothing in a hidden tab', async () => {
      await open();
      await bench.page.evaluate(
        `Object.defineProperty(document, 'visibilityState', { value: 'hidden', configurable: true })`,
      );
      await push({ title: 'Hidden' });
      await bench.page.waitForTimeout(200);
      await bench.page.evaluate('delete document.visibilityState');
      await push({ title: 'Visible' });
      await shown('Visible');
    });

    it('closes by Escape: the one with the focus, else the newest; the focus returns to the page', async () => {
      await open('duration="0"');
      await bench.page.locator('#page').focus();
      await push({ title: 'One' }, { title: 'Two' }, { title: 'Three' });
      await shown('One', 'Two', 'Three');
      await press('Escape');
      await shown('One', 'Two');
      expect(await bench.page.evaluate('document.activeElement.id')).toBe('page');
      await press('Shift+Tab', 'Shift+Tab', 'Shift+Tab', 'Shift+Tab');
      const title = () =>
        bench.page.evaluate(`document.getElementById('toasts').shadowRoot.activeElement?.textContent`);
      expect(await title()).toBe('One');
      await press('Escape');
      await shown('Two');
      expect(await title()).toBe('Two');
      await press('Escape');
      await shown();
      expect(await bench.page.evaluate('document.activeElement.id')).toBe('page');
    });

    it('announces each arrival once, by one live region of the page', async () => {
      await open();
      await bench.page.evaluate(`{
        window.said = [];
        for (const id of ['bell', 'toasts'])
          for (const region of document.getElementById(id).shadowRoot.querySelectorAll('[aria-live], [role=status], [role=alert]'))
            new MutationObserver(() => region.textContent && said.push(id + ': ' + region.textContent)).observe(region, { childList: true });
      }`);
      await push({ title: 'Live' });
      await eventually(async () =>
        expect(await bench.page.evaluate('said')).toEqual(['toasts: New notification: Live']),
      );
      // Without toasts the bell announces.
      await bench.page.evaluate(`document.getElementById('toasts').remove()`);
      await push({ title: 'Alone' });
      await eventually(async () =>
        expect(await bench.page.evaluate('said.slice(1)')).toEqual(['bell: New notification: Alone']),
      );
    });

    it('follows its notification: an answer is shown and leaves, what was read or recalled elsewhere is gone', async () => {
      await open('duration="0"');
      await bench.page.evaluate('feed.push(...team().slice(0, 1))');
      await push({ id: 'read', title: 'Read' }, { id: 'recalled', title: 'Recalled' });
      await shown('Lin Chen invites you to Atlas', 'Read', 'Recalled');
      await bench.page.evaluate(`feed.markRead('read')`);
      await bench.page.evaluate(
        `feed.set({ items: feed.getSnapshot().items.filter(({ id }) => id !== 'recalled') })`,
      );
      await shown('Lin Chen invites you to Atlas');
      await bench.page.locator('#toasts').getByRole('button', { name: 'Accept' }).click();
      await bench.page.mouse.move(0, 0);
      await eventually(async () =>
        expect(await bench.page.locator('#toasts .acted').textContent()).toContain('Accept · '),
      );
      await shown();
      expect(await calls()).toEqual(['markRead read', 'act invitation accept']);
    });

    describe('of somebody who signs out', () => {
      const signOut = () =>
        bench.page.evaluate(
          `feed.set({ items: [], unread: 0, unseen: 0, loaded: false, status: { state: 'stopped', reason: 'signed-out' } })`,
        );
      const signIn = () =>
        bench.page.evaluate(
          `feed.set({ items: [item(0, { cursor: 'other-1' })], loaded: true, status: { state: 'live' } })`,
        );
      const region = () => bench.page.locator('#toasts [role=status]').textContent();

      it('removes a summary, and what a screen reader may still read', async () => {
        await open('duration="0"');
        await push(...Array.from({ length: 12 }, () => ({})));
        await shown('12 new notifications');
        expect(await region()).toBe('12 new notifications');
        await signOut();
        await shown();
        expect(await region()).toBe('');
      });

      it('removes a summary when the next page is of another epoch', async () => {
        await open('duration="0"');
        await push(...Array.from({ length: 12 }, () => ({})));
        await shown('12 new notifications');
        await signIn();
        await shown();
      });

      it('announces nothing that waited, neither by toasts nor by a bell', async () => {
        await open('duration="0"');
        await bench.page.evaluate(`{
          window.said = [];
          for (const id of ['bell', 'toasts']) {
            const region = document.getElementById(id).shadowRoot.querySelector('[role=status]');
            new MutationObserver(() => region.textContent && said.push(region.textContent)).observe(region, { childList: true });
          }
        }`);
        await push({ title: 'Private' });
        await shown('Private');
        await bench.page.evaluate(`document.getElementById('toasts').remove()`);
        await push({ title: 'Private, in the bell' });
        await signOut();
        await signIn();
        // Longer than arrivals wait for their announcement.
        await bench.page.waitForTimeout(1_300);
        expect(await bench.page.evaluate('said')).toEqual([]);
      });

      it.each(['One', 'A summary'])('shows nothing that waited for its claim: %s', async (kind) => {
        await open('duration="0"');
        // The lock is granted when the test says so.
        await bench.page.evaluate(`Object.defineProperty(navigator, 'locks', { value: {
          request: (name, options, use) => new Promise((done) => { window.grant = () => done(use({})); }),
        } })`);
        const count = kind === 'One' ? 1 : 12;
        await push(
          ...Array.from({ length: count }, (_, index) => ({ id: `same-${index}`, title: 'Private' })),
        );
        await waits('grant');
        await signOut();
        await bench.page.evaluate(
          `feed.set({ items: [item(0, { id: 'same-0', title: 'Next', cursor: 'other-1' })], loaded: true, status: { state: 'live' } })`,
        );
        await bench.page.evaluate('grant()');
        await settle(bench.page);
        expect(await toasts()).toEqual([]);
      });
    });

    it('is a link, which the application may route, and marks as read', async () => {
      await open('duration="0"');
      await bench.page.evaluate(`document.addEventListener('tidings-select', (event) => {
        event.preventDefault();
        window.routed = event.detail.item.link;
      })`);
      await push({ id: 'x', title: 'Linked', link: '/x' });
      await bench.page.locator('#toasts').getByRole('link', { name: 'Linked' }).click();
      expect(await bench.page.evaluate('[routed, location.pathname]')).toEqual(['/x', '/']);
      await shown();
      expect(await calls()).toEqual(['markRead x']);
    });
  });

  describe('a row', () => {
    it('answers once, shows the answer, and follows a button that is a link', async () => {
      await show('new FakeFeed(team())');
      await openPanel(bench.page);
      await bench.page.getByRole('button', { name: 'Accept' }).focus();
      await press('Enter');
      await settle(bench.page);
      expect(await bench.page.locator('[data-id=invitation] .acted').textContent()).toMatch(/^Accept · \d/);
      expect(await bench.page.getByRole('button', { name: 'Decline' }).count()).toBe(0);
      // Where the button was.
      expect(await focusedTitle()).toBe('Lin Chen invites you to Atlas');
      await bench.page.evaluate(`document.addEventListener('tidings-action', (event) => {
        window.offered = event.detail.item.id + ' ' + event.detail.action.id;
      })`);
      await bench.page.getByRole('link', { name: 'Open the status page' }).click({ modifiers: [] });
      await bench.page.waitForURL(`${BELL_ORIGIN}/status`);
    });

    it('offers each action to the application first', async () => {
      await show('new FakeFeed(team())');
      await openPanel(bench.page);
      await bench.page.evaluate(`
        window.offered = [];
        document.addEventListener('tidings-action', (event) => {
          event.preventDefault();
          offered.push(event.detail.item.id + ' ' + event.detail.action.id);
        })`);
      await bench.page.getByRole('button', { name: 'Decline' }).click();
      await bench.page.getByRole('link', { name: 'Open the status page' }).click();
      expect(await bench.page.evaluate('[offered, location.pathname]')).toEqual([
        ['invitation decline', 'alert open'],
        '/',
      ]);
      expect(await calls()).toEqual(['markRead alert']);
    });

    it('says that another device has answered', async () => {
      await show(
        `Object.assign(new FakeFeed(team()), { failure: Object.assign(new Error('no'), { code: 'already-acted' }) })`,
      );
      await openPanel(bench.page);
      await bench.page.getByRole('button', { name: 'Decline' }).click();
      await bench.page.getByText('This was already answered, on another device.').first().waitFor();
      expect(await bench.page.getByRole('button', { name: 'Decline' }).count()).toBe(1);
    });

    it('renders no picture and no button of an address that is not safe, and an icon for a picture that fails', async () => {
      const bad = [
        'javascript:alert(1)',
        '//evil.example/x',
        'data:image/png;base64,AA',
        'https://a@b.example/',
      ];
      const items = bad.map((link, index) => ({
        title: `${index}`,
        image: link,
        actions: [
          { id: 'a', label: `to ${link}`, link },
          { id: 'b', label: '<b>text</b>' },
        ],
      }));
      await show(`new FakeFeed(${JSON.stringify(items)}.map((one) => item(0, one)))`);
      await openPanel(bench.page);
      expect(await bench.page.locator('.row img, .row .answers a, .row .answers b').count()).toBe(0);
      expect(await bench.page.locator('.row .answer').allTextContents()).toEqual(
        Array(4).fill('<b>text</b>'),
      );
      await bench.page.evaluate(
        `feed.push(item(0, { title: 'broken', image: '/no-image' }), item(0, { title: 'nonsense', actions: 'x', image: 7 }), item(0, { actions: [null, { id: 1 }, { id: 'c', label: 'c' }] }))`,
      );
      await eventually(async () => expect(await bench.page.locator('.row .glyph svg').count()).toBe(7));
    });

    it('marks what is urgent, on the bell as well', async () => {
      await show('new FakeFeed(team(), { unseen: 3 })');
      const bell = bench.page.locator('.bell');
      expect(await bell.getAttribute('aria-label')).toBe('Notifications, 3 new, 4 unread, urgent');
      expect(await bench.page.locator('.badge').getAttribute('part')).toBe('badge badge-high');
      await openPanel(bench.page);
      expect(await bench.page.locator('.chip.urgent:not(:empty)').allTextContents()).toEqual(['Urgent']);
      await bench.page.evaluate(`feed.markRead('alert')`);
      await settle(bench.page);
      expect(await bell.getAttribute('aria-label')).toBe('Notifications, 3 unread');
    });
  });

  it('shows tabs with counts, by pointer and keyboard, and loads older ones until a tab has some', async () => {
    await show(
      'Object.assign(new FakeFeed(team(), { hasMore: true }), { older: [many(2), [item(0, { title: "Old mention", category: "mentions" })]] })',
      {
        body: TOOLBAR.replace('id="bell"', 'id="bell" tabs'),
      },
    );
    await openPanel(bench.page);
    const tabs = bench.page.getByRole('tab');
    await eventually(async () =>
      expect(await tabs.allTextContents()).toEqual([
        'All4, 4 unread',
        'Mentions1, 1 unread',
        'Operations2, 2 unread',
        'Orders1, 1 unread',
        'Projects1, 1 unread',
      ]),
    );
    await bench.page.getByRole('tab', { name: 'Projects' }).click();
    expect(await titles()).toEqual(['Lin Chen invites you to Atlas', 'Amara Okafor approved your budget']);
    expect(await bench.page.getByRole('tabpanel', { name: 'Projects' }).count()).toBe(1);
    await press('ArrowLeft');
    expect([await focus(), await titles()]).toEqual(['tab', ['New order A-1042', 'New order A-1040']]);
    await press('Home', 'ArrowRight');
    await eventually(async () => expect(await titles()).toEqual(['Old mention']));
    await bench.page.getByRole('button', { name: 'Mark all read' }).click();
    expect((await calls()).filter((call) => call !== 'counts')).toEqual([
      'loadMore',
      'loadMore',
      expect.stringMatching(/^markRead item-\d+$/),
    ]);
    await press('End');
    expect(await bench.page.locator('[role=tab][tabindex="0"]').count()).toBe(1);
  });

  it('snoozes by a menu, and brings back from the list of snoozed ones', async () => {
    await show('new FakeFeed(team())', { now: new Date('2026-11-20T15:24:00') });
    await openPanel(bench.page);
    await bench.page.locator('[data-id=order] .snooze').focus();
    await press('Enter');
    const choices = bench.page.getByRole('menuitem');
    await eventually(async () =>
      expect((await choices.allTextContents()).map((text) => text.replace(/\s/g, ' '))).toEqual([
        'In an hour4:24 PM',
        'Tomorrow morningSat 8:00 AM',
        'Next weekMon 8:00 AM',
      ]),
    );
    await press('Escape');
    expect([await focus(), await bench.page.locator('.panel').isVisible()]).toEqual(['small snooze', true]);
    await press('Enter', 'ArrowDown', 'Enter');
    const until = await bench.page.evaluate<string>('new Date(2026, 10, 21, 8).toISOString()');
    expect(await calls()).toEqual([`snooze order ${until}`]);
    await settle(bench.page);
    expect(await titles()).not.toContain('New order A-1042');
    // The focus is on the row that took the place.
    expect(await focusedTitle()).toBe('Amara Okafor approved your budget');

    await bench.page.evaluate(
      `feed.asleep = ['b', 'a'].map((id) => item(0, { id, title: id, snoozedUntil: id === 'a' ? '2026-11-20T17:00:00' : '2026-11-23T08:00:00' }))`,
    );
    await bench.page.getByRole('button', { name: 'More' }).click();
    await bench.page.getByRole('menuitem', { name: 'Snoozed' }).click();
    expect(
      (await bench.page.locator('.until').allTextContents()).map((text) => text.replace(/\s/g, ' ')),
    ).toEqual(['Comes back 5:00 PM', 'Comes back Mon 8:00 AM']);
    await bench.page.getByRole('button', { name: 'Bring back: a' }).click();
    await bench.page.getByRole('button', { name: 'Bring back: b' }).press('Enter');
    await bench.page.getByText('Nothing is snoozed').waitFor();
    expect((await calls()).slice(1)).toEqual(['unsnooze a', 'unsnooze b']);
    await bench.page.getByRole('button', { name: 'Back to notifications' }).focus();
    await press('Escape');
    expect([await focus(), await bench.page.locator('.list').isVisible()]).toEqual([
      'small menu-button',
      true,
    ]);
  });

  it('changes the preferences at once, takes back what was not saved, and has no switch for what is mandatory', async () => {
    await show(
      `Object.assign(new FakeFeed(team()), { declared: DECLARED, wishes: { muted: ['refund'], mutedCategories: [] } })`,
    );
    await openPanel(bench.page);
    await bench.page.getByRole('button', { name: 'More' }).click();
    await bench.page.getByRole('menuitem', { name: 'Preferences' }).click();
    const toggle = (name: string) => bench.page.getByRole('switch', { name, exact: true });
    await toggle('Refunds').waitFor();
    const state = (name: string) => toggle(name).getAttribute('aria-checked');
    expect(await bench.page.getByRole('switch').count()).toBe(9);
    expect([await state('Orders'), await state('New orders'), await state('Refunds')]).toEqual([
      'true',
      'true',
      'false',
    ]);
    expect(await bench.page.getByText('Always on').count()).toBe(1);
    expect(await toggle('Security and outages').count()).toBe(0);
    await toggle('Refunds').click();
    await toggle('Orders').press('Space');
    expect([await state('Orders'), await state('New orders'), await state('Refunds')]).toEqual([
      'false',
      'false',
      'false',
    ]);
    // Without an effect as long as all of its category is off.
    await toggle('New orders').click({ force: true });
    await bench.page.evaluate(`feed.failure = new Error('no')`);
    await toggle('Task completed').click();
    await bench.page.getByText('The change could not be saved and was undone.').waitFor();
    expect(await state('Task completed')).toBe('true');
    expect(await calls()).toEqual([
      'setPreferences {"muted":[],"mutedCategories":[]}',
      'setPreferences {"muted":[],"mutedCategories":["orders"]}',
      'setPreferences {"muted":["task-completed"],"mutedCategories":["orders"]}',
    ]);
  });

  describe('the switch of Web Push in the preferences', () => {
    const NAME = 'Notifications on this device';
    const open = async (push: string): Promise<void> => {
      await show(`Object.assign(new FakeFeed(team()), { declared: DECLARED })`);
      await bench.page.evaluate(
        `window.push = ${push}; document.getElementById('bell').push = window.push; void 0`,
      );
      await openPanel(bench.page);
      await bench.page.getByRole('button', { name: 'More' }).click();
      await bench.page.getByRole('menuitem', { name: 'Preferences' }).click();
      await bench.page.getByRole('switch', { name: 'Orders', exact: true }).waitFor();
    };
    const toggle = () => bench.page.getByRole('switch', { name: NAME });
    const shows = (isOn: boolean): Promise<void> =>
      eventually(async () =>
        expect([
          await toggle().getAttribute('aria-checked'),
          await toggle().getAttribute('aria-busy'),
        ]).toEqual([String(isOn), null]),
      );
    const asked = () => bench.page.evaluate<string[]>('push.calls');

    it('is the first one, and asks in the same turn as the click', async () => {
      await open(`Object.assign(new FakePush(), { answer: 'wanted' })`);
      expect(await bench.page.getByRole('switch').first().getAttribute('aria-labelledby')).toBe(
        await toggle().getAttribute('aria-labelledby'),
      );
      await shows(false);
      // A browser shows its prompt for a click alone.
      expect(
        await bench.page.evaluate(
          `document.getElementById('bell').shadowRoot.querySelector('.switch').click(), push.calls`,
        ),
      ).toEqual(['subscribe']);
      expect(await toggle().getAttribute('aria-busy')).toBe('true');
      expect(await toggle().getAttribute('aria-checked')).toBe('true');
      await toggle().click({ force: true });
      await bench.page.evaluate('push.answer()');
      await shows(true);
      await bench.page.evaluate('push.answer = null');
      await toggle().press('Space');
      await shows(false);
      expect(await asked()).toEqual(['subscribe', 'unsubscribe']);
    });

    it('is disabled once the user has forbidden notifications, and says where they are allowed again', async () => {
      await open(`Object.assign(new FakePush(), { permission: 'denied' })`);
      await toggle().click();
      await bench.page.getByText("Blocked. Allow them in your browser's settings.").waitFor();
      await shows(false);
      expect(await toggle().getAttribute('aria-disabled')).toBe('true');
      await toggle().click({ force: true });
      expect(await asked()).toEqual(['subscribe']);
    });

    it('takes back what has failed, and reports it until the next attempt', async () => {
      await open(`new FakePush('on')`);
      await bench.page.evaluate(`push.failure = new Error('no')`);
      const problem = bench.page.getByText('The change could not be saved and was undone.');
      await toggle().click();
      await problem.waitFor();
      await shows(true);
      await bench.page.evaluate(`push.failure = null`);
      await toggle().click();
      await shows(false);
      expect(await problem.isVisible()).toBe(false);
      expect(await calls()).toEqual([]);
    });

    it('is not there without Web Push', async () => {
      await open(`new FakePush('unsupported')`);
      expect(await toggle().count()).toBe(0);
      expect(await bench.page.getByText(NAME).isVisible()).toBe(false);
    });

    it('is disabled if its state could not be loaded, and leaves the others alone', async () => {
      await open(`Object.assign(new FakePush(), { failure: new Error('no') })`);
      await bench.page.getByText('This could not be loaded').waitFor();
      expect(await toggle().getAttribute('aria-disabled')).toBe('true');
      await bench.page.getByRole('switch', { name: 'Refunds' }).click();
      expect(await calls()).toHaveLength(1);
      expect(await asked()).toEqual([]);
    });

    it('subscribes nobody after a sign-out', async () => {
      await open('new FakePush()');
      await bench.page.evaluate(`{
        const control = document.getElementById('bell').shadowRoot.querySelector('.switch');
        feed.set({ items: [], loaded: false, status: { state: 'stopped', reason: 'signed-out' } });
        control.click();
      }`);
      expect(await asked()).toEqual([]);
    });
  });

  describe('the pages of the panel, after a sign-out', () => {
    const signOut = `feed.set({ items: [], unread: 0, unseen: 0, loaded: false, status: { state: 'stopped', reason: 'signed-out' } });`;
    const signIn = `feed.set({ items: [item(0, { cursor: 'other-1' })], loaded: true, status: { state: 'live' } });`;
    const openPage = async (name: string): Promise<void> => {
      await openPanel(bench.page);
      await bench.page.getByRole('button', { name: 'More' }).click();
      await bench.page.getByRole('menuitem', { name }).click();
    };
    const pages = () => bench.page.locator('.page:not([hidden])').count();

    it.each([
      ['stops', signOut],
      ['is of another epoch', signIn],
      ['is loaded again', `feed.set({ items: [], loaded: false, status: { state: 'connecting' } })`],
    ])('close, and keep nothing, once the feed %s', async (_, change) => {
      await show(
        `Object.assign(new FakeFeed(team()), { asleep: [item(0, { title: 'Private', snoozedUntil: '2026-11-23T08:00:00' })] })`,
      );
      await openPage('Snoozed');
      await bench.page.getByText('Private').waitFor();
      await bench.page.evaluate(change);
      await settle(bench.page);
      expect([await pages(), await bench.page.getByText('Private').count()]).toEqual([0, 0]);
    });

    it('save no preferences of the former user, also those that wait for the ones before', async () => {
      await show(`Object.assign(new FakeFeed(team()), { declared: DECLARED })`);
      await openPage('Preferences');
      await bench.page.getByRole('switch', { name: 'Refunds' }).waitFor();
      await bench.page.evaluate(`{
        const { setPreferences } = feed;
        feed.setPreferences = (wishes) => {
          setPreferences.call(feed, wishes);
          return new Promise((done) => { window.answer = done; });
        };
        window.switches = document.getElementById('bell').shadowRoot.querySelectorAll('.switch');
        for (const one of [...switches].slice(1, 3)) one.click();
      }`);
      await waits('answer');
      await bench.page.evaluate(`${signOut} ${signIn} answer()`);
      await settle(bench.page);
      // A script, or a click that was under way, may still have one.
      await bench.page.evaluate('switches[3].click()');
      await settle(bench.page);
      expect(await calls()).toEqual([expect.stringMatching(/^setPreferences /)]);
      expect(await pages()).toBe(0);
    });

    it('do not show what was still loading', async () => {
      await show(
        `Object.assign(new FakeFeed(team()), { snoozed: () => new Promise((done) => { window.answer = done; }) })`,
      );
      await openPage('Snoozed');
      await waits('answer');
      await bench.page.evaluate(
        `${signOut} ${signIn} answer({ items: [item(0, { title: 'Private', snoozedUntil: '2026-11-23T08:00:00' })] })`,
      );
      await settle(bench.page);
      expect([await pages(), await bench.page.getByText('Private').count()]).toEqual([0, 0]);
    });
  });
});
