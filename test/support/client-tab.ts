import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import type { FeedOptions, FeedSnapshot } from '../../src/browser/client/types.js';
import { eventually } from './eventually.js';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const CLIENT = join(PACKAGE, 'src/browser/client/index.ts');

/** What a tab shows, and what its listeners heard. */
export interface TabState extends FeedSnapshot {
  /** The `taskId` of each notification that `on('message')` heard, in order. */
  readonly heard: string[];
  /** The titles of `items`, newest first. */
  readonly titles: string[];
  /** Each state that `status` went through. */
  readonly states: string[];
  /** Why `getToken` was called, in order. */
  readonly asked: string[];
  readonly resets: string[];
}

/** As much of a page as every engine's driver has. */
interface Evaluator {
  evaluate<T>(expression: string): Promise<T>;
  close(): Promise<void>;
}

/** A page with `tidings/client` in it. */
export class ClientTab<P extends Evaluator = Page> {
  private constructor(readonly page: P) {}

  /** Opens a feed in a new page of this origin; `token` is called where `getToken` should be. */
  static async open(
    browser: BrowserContext,
    pageOrigin: string,
    options: Omit<FeedOptions, 'getToken'>,
    token?: (reason: string) => string | null | Promise<string | null>,
  ): Promise<ClientTab> {
    const page = await browser.newPage();
    if (token) await page.exposeFunction('token', token);
    await page.goto(pageOrigin);
    return ClientTab.load(page, options);
  }

  /** Opens a feed in this page, which calls its function `token` where `getToken` should be. */
  static async load<P extends Evaluator>(
    page: P,
    options: Omit<FeedOptions, 'getToken'>,
  ): Promise<ClientTab<P>> {
    await page.evaluate(`(() => {
      ${await clientScript()}
      window.heard = []; window.states = []; window.resets = []; window.asked = [];
      const getToken = window.token && ((reason) => (asked.push(reason), token(reason)));
      window.feed = tidings.createFeed({ ...${JSON.stringify(options)}, getToken });
      const note = () => states.at(-1) === feed.status.state || states.push(feed.status.state);
      note();
      feed.subscribe(note);
      feed.on('message', (item) => heard.push(item.data.taskId));
      feed.on('feed.reset', ({ reason }) => resets.push(reason));
    })()`);
    return new ClientTab(page);
  }

  state(): Promise<TabState> {
    return this.page.evaluate<TabState>(`({
      ...feed.getSnapshot(), heard, states, resets, asked, titles: feed.items.map(({ title }) => title)
    })`);
  }

  /** Runs an expression in which `feed` is the feed. */
  do<T>(expression: string): Promise<T> {
    return this.page.evaluate<T>(expression);
  }

  /** Waits until what the tab shows passes a check. */
  async until(check: (state: TabState) => unknown, timeoutMs = 20_000): Promise<TabState> {
    await eventually(async () => check(await this.state()), { timeoutMs });
    return this.state();
  }

  close(): Promise<void> {
    return this.page.close();
  }
}

let bundled: Promise<string> | null = null;

/** The client as a classic script that makes `tidings`. */
function clientScript(): Promise<string> {
  bundled ??= build({
    entryPoints: [CLIENT],
    bundle: true,
    format: 'iife',
    globalName: 'tidings',
    target: 'es2022',
    write: false,
    tsconfigRaw: {},
  }).then(({ outputFiles }) => `${outputFiles[0]!.text}; window.tidings = tidings;`);
  return bundled;
}

/** A small application as a classic script: `show(url)`, and `showPush(push)`, render it into the page, `hide()` takes it away. */
export async function reactScript(): Promise<string> {
  const source = `
    import { createElement, StrictMode, useState } from 'react';
    import { createRoot } from 'react-dom/client';
    import { FeedProvider, useFeed, useNotification, usePush, useUnread } from './src/browser/react/index.ts';
    export { FakePush } from './test/browser/fake-push.ts';
    function Badge() {
      const { items, status, markAllRead } = useFeed();
      const [heard, setHeard] = useState('');
      useNotification('task-completed', ({ data }) => setHeard(heard + ' ' + data.taskId));
      return createElement('b', { onClick: () => markAllRead() }, status.state + ' ' + items.length + ' ' + useUnread() + heard);
    }
    function Push({ push }) {
      const { state, error, subscribe, unsubscribe } = usePush(push);
      const text = [state, error?.message].join(' ');
      return createElement('b', { onClick: () => (state === 'on' ? unsubscribe() : subscribe()) }, text);
    }
    const root = createRoot(document.body.appendChild(document.createElement('div')));
    window.show = (url) => root.render(
      createElement(StrictMode, null, createElement(FeedProvider, { url }, createElement(Badge))));
    window.showPush = (push) => root.render(createElement(StrictMode, null, createElement(Push, { push })));
    window.hide = () => root.unmount();`;
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: PACKAGE },
    bundle: true,
    format: 'iife',
    globalName: 'application',
    target: 'es2022',
    define: { 'process.env.NODE_ENV': '"development"' },
    write: false,
    tsconfigRaw: {},
  });
  return outputFiles[0]!.text;
}
