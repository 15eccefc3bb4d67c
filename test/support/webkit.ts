import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { BrowserEngine, BrowserPage, Key } from './browser-engine.js';
import { eventually } from './eventually.js';
import { findTool, type Tool } from './find-tool.js';
import { freePort } from './ports.js';
import { testDirectory } from './test-root.js';

/** WebDriver's code points of keys that type nothing. */
const KEY_CODES: Partial<Record<Key, string>> = {
  Tab: '\uE004',
  Enter: '\uE006',
  Escape: '\uE00C',
  End: '\uE010',
  Home: '\uE011',
  ArrowUp: '\uE013',
  ArrowDown: '\uE015',
  Delete: '\uE017',
};
const COMMAND_MS = 60_000;

/** WebKitGTK's MiniBrowser on a display of its own, by WebDriver; close it at the end of the suite. */
export async function startWebKit(): Promise<BrowserEngine> {
  const profile = testDirectory('webkit');
  const { child: display, name } = await startDisplay();
  const port = await freePort();
  const driver = spawn(pathOf('WebKitWebDriver'), [`--port=${port}`], {
    // Without a bus for accessibility, and with no profile but that of this session.
    env: {
      PATH: process.env.PATH,
      HOME: profile,
      XDG_RUNTIME_DIR: profile,
      DISPLAY: name,
      NO_AT_BRIDGE: '1',
    },
    stdio: 'ignore',
  });
  const origin = `http://127.0.0.1:${port}`;
  await eventually(async () => (await command<{ ready: boolean }>(origin, 'GET', '/status')).ready, {
    timeoutMs: COMMAND_MS,
  });
  // Without a name of a browser it takes its own, ready for automation.
  const { sessionId } = await command<{ sessionId: string }>(origin, 'POST', '/session', {
    capabilities: {},
  });
  const session = new Session(`${origin}/session/${sessionId}`);
  // The one that it began with stays: without any window the browser ends.
  const home = await session.send<string>('GET', '/window');
  return {
    pid: driver.pid!,
    open: async () => {
      // A window each: behind another tab it would be hidden.
      const { handle } = await session.send<{ handle: string }>(
        'POST',
        '/window/new',
        { type: 'window' },
        home,
      );
      return new WebKitPage(session, handle);
    },
    setCookie: (page, name, value) =>
      (page as WebKitPage).send('POST', '/cookie', { cookie: { name, value } }),
    close: async () => {
      await session.send('DELETE', '').catch(() => {});
      await Promise.all([driver, display].map(end));
    },
  };
}

class WebKitPage implements BrowserPage {
  constructor(
    private readonly session: Session,
    private readonly handle: string,
  ) {}

  send<T>(method: string, path: string, body?: object): Promise<T> {
    return this.session.send<T>(method, path, body, this.handle);
  }

  goto(url: string): Promise<void> {
    return this.send('POST', '/url', { url });
  }

  evaluate<T>(expression: string): Promise<T> {
    return this.send('POST', '/execute/sync', { script: `return (${expression}\n)`, args: [] });
  }

  async press(...keys: Key[]): Promise<void> {
    for (const key of keys) {
      const value = KEY_CODES[key] ?? key;
      await this.act(
        'key',
        ['keyDown', 'keyUp'].map((type) => ({ type, value })),
      );
    }
  }

  click(x: number, y: number): Promise<void> {
    return this.act('pointer', [
      { type: 'pointerMove', x, y },
      { type: 'pointerDown', button: 0 },
      { type: 'pointerUp', button: 0 },
    ]);
  }

  close(): Promise<void> {
    return this.send('DELETE', '/window');
  }

  private act(type: string, actions: object[]): Promise<void> {
    return this.send('POST', '/actions', { actions: [{ type, id: type, actions }] });
  }
}

/** Commands go to the window that was chosen last, so that there is one at a time. */
class Session {
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly url: string) {}

  send<T>(method: string, path: string, body?: object, handle?: string): Promise<T> {
    const answer = this.queue.then(async () => {
      if (handle) await command(this.url, 'POST', '/window', { handle });
      return command<T>(this.url, method, path, body);
    });
    this.queue = answer.catch(() => {});
    return answer;
  }
}

async function command<T>(base: string, method: string, path: string, body?: object): Promise<T> {
  const response = await fetch(base + path, {
    method,
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(COMMAND_MS),
  });
  const { value } = (await response.json()) as { value: unknown };
  if (!response.ok) throw new Error(`WebDriver: ${method} ${path}: ${JSON.stringify(value)}`);
  return value as T;
}

/** An X server on the first free display: WebKitGTK has no headless mode. */
async function startDisplay(): Promise<{ child: ChildProcess; name: string }> {
  const args = ['-displayfd', '1', '-screen', '0', '1280x900x24', '-nolisten', 'tcp'];
  const child = spawn(pathOf('Xvfb'), args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const number = await new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (text: Buffer) => resolve(String(text).trim()));
    child.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}.`)));
  });
  return { child, name: `:${number}` };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill();
  await once(child, 'exit');
}

function pathOf(tool: Tool): string {
  const path = findTool(tool);
  if (path === null) throw new Error(`${tool} is not installed: guard the suite with describeWith().`);
  return path;
}
