import type { Tool } from './find-tool.js';
import { startFirefox } from './firefox.js';
import { startWebKit } from './webkit.js';

/** A key by its name in `KeyboardEvent.key`. */
export type Key = 'Tab' | 'Enter' | 'Escape' | 'Delete' | 'Home' | 'End' | 'ArrowUp' | 'ArrowDown' | ' ';

/** A tab of a browser: as much as every engine can do. */
export interface BrowserPage {
  goto(url: string): Promise<void>;
  /** The value of an expression, awaited, as JSON. */
  evaluate<T>(expression: string): Promise<T>;
  press(...keys: Key[]): Promise<void>;
  /** Clicks with the mouse, at a place of the window. */
  click(x: number, y: number): Promise<void>;
  close(): Promise<void>;
}

/** A browser with a new, empty profile, which all its tabs share. */
export interface BrowserEngine {
  /** The process whose descendants have the tabs. */
  readonly pid: number;
  open(): Promise<BrowserPage>;
  /** Sets a cookie of the host of this page. */
  setCookie(page: BrowserPage, name: string, value: string): Promise<void>;
  close(): Promise<void>;
}

interface Engine {
  readonly tools: readonly Tool[];
  /** Whether the driver survives the end of a tab's process. */
  readonly canKillTabs: boolean;
  /** Whether a page with an open connection is kept, frozen, when the user leaves it, and goes on when the user returns. */
  readonly keepsLeftPages: boolean;
  readonly start: () => Promise<BrowserEngine>;
}

/** The engines besides Chromium. */
export const ENGINES: Readonly<Record<string, Engine>> = {
  Firefox: { tools: ['firefox-esr'], canKillTabs: true, keepsLeftPages: false, start: startFirefox },
  WebKit: {
    tools: ['WebKitWebDriver', 'Xvfb'],
    canKillTabs: false,
    keepsLeftPages: true,
    start: startWebKit,
  },
};
