import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BrowserContext, Page } from 'playwright-core';

const PACKAGE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
/** Routed, never connected to. */
export const BELL_ORIGIN = 'http://bell.test';
/** As strict as a page can be: the element has to live with it. */
export const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; require-trusted-types-for 'script'";

const STYLE = `
  :root { color-scheme: light dark; }
  body { margin: 0; min-height: 200vh; background: light-dark(#eef0f4, #0f1115); color: light-dark(#15181e, #eceef2); font: 15px/1.5 Inter, sans-serif; }
  header { display: flex; align-items: center; gap: 12px; height: 60px; padding: 0 20px; background: light-dark(#fff, #16181d); border-bottom: 1px solid light-dark(#e3e5ea, #262930); }
  header b { margin-inline-end: auto; font-weight: 650; letter-spacing: -0.01em; }
  header i { width: 32px; height: 32px; border-radius: 50%; background: linear-gradient(135deg, #7c9cf5, #d08bd8); }
  tidings-bell, tidings-toasts { --tidings-font: Inter, 'Liberation Sans', sans-serif; }
  .card { max-width: 400px; margin: 24px auto; border: 1px solid light-dark(#e3e5ea, #262930); border-radius: 16px; overflow: clip; }
`;

const html = (body: string, attributes: string): string => `<!doctype html>
<html ${attributes}><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>application</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css">
<script type="module" src="/tidings-element.js"></script><script type="module" src="/tools.js"></script></head>
<body>${body}</body></html>`;

/** A portrait, more or less. */
const face = (name: string): string => {
  const hue = [...name].reduce((sum, letter) => sum * 7 + letter.charCodeAt(0), 0) % 360;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 36 36"><rect width="36" height="36" fill="hsl(${hue} 45% 72%)"/><circle cx="18" cy="14.5" r="6.5" fill="hsl(${hue} 38% 32%)"/><path d="M5 37c0-9 5.8-13.5 13-13.5S31 28 31 37z" fill="hsl(${hue} 38% 32%)"/></svg>`;
};

const bundled = new Map<string, Promise<string>>();

function bundle(entry: string): Promise<string> {
  let text = bundled.get(entry);
  if (!text) {
    text = build({
      entryPoints: [join(PACKAGE, entry)],
      bundle: true,
      write: false,
      format: 'esm',
      target: 'es2022',
      tsconfigRaw: {},
      logLevel: 'warning',
    }).then(({ outputFiles }) => outputFiles[0]!.text);
    bundled.set(entry, text);
  }
  return text;
}

interface BellPage {
  body?: string;
  /** Of `<html>`. */
  attributes?: string;
  /** Changes the element's script, to take a feature of the browser away from it. */
  patch?: (element: string) => string;
}

/** The toolbar of an application, with the bell in it. */
export const TOOLBAR =
  '<header><b>Northwind</b><tidings-bell id="bell"></tidings-bell><i></i></header><main></main>';

/** The same with toasts. */
export const WITH_TOASTS = TOOLBAR + '<tidings-toasts id="toasts"></tidings-toasts>';

/** Doubles the text of the element, and nothing else, as a reader may do (WCAG 1.4.4). */
export const doubleText = (element: string): string =>
  element
    .replace(/font-size: ([\d.]+)px/g, (_, size) => `font-size: ${Number(size) * 2}px`)
    .replace(/line-height: ([\d.]+)px/g, (_, size) => `line-height: ${Number(size) * 2}px`)
    .replace(
      /font: (\d+) ([\d.]+)px\/([\d.]+)(px)?/g,
      (_, weight, size, height, unit = '') =>
        `font: ${weight} ${Number(size) * 2}px/${unit ? Number(height) * 2 : height}${unit}`,
    );

/** A page with the element on it, as its files: type and text by path. */
export async function bellFiles({
  body = TOOLBAR,
  attributes = 'lang="en"',
  patch = (element) => element,
}: BellPage = {}): Promise<Readonly<Record<string, readonly [type: string, text: string]>>> {
  const [element, tools] = await Promise.all([
    bundle('src/browser/element/index.ts'),
    bundle('test/browser/bell-page.ts'),
  ]);
  return {
    '/': ['text/html; charset=utf-8', html(body, attributes)],
    '/page.css': ['text/css', STYLE],
    '/tidings-element.js': ['text/javascript', patch(element)],
    '/tools.js': ['text/javascript', tools],
  };
}

/** Opens a page with the element on it, and the tools of `test/browser/bell-page.ts` (`FakeFeed`, `ordinary()`, ...) as globals. */
export async function openBellPage(
  context: BrowserContext,
  options: BellPage & { now?: Date | null } = {},
): Promise<Page> {
  const files = await bellFiles(options);
  const page = await context.newPage();
  if (options.now) await page.clock.setFixedTime(options.now);
  await page.route(`${BELL_ORIGIN}/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    const file = files[pathname];
    if (pathname.startsWith('/faces/'))
      return route.fulfill({ contentType: 'image/svg+xml', body: face(pathname) });
    if (!file)
      return route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>elsewhere</title>' });
    return route.fulfill({
      contentType: file[0],
      body: file[1],
      headers: { 'content-security-policy': POLICY },
    });
  });
  await page.goto(`${BELL_ORIGIN}/`);
  await page.waitForFunction('window.FakeFeed && customElements.get("tidings-bell")');
  return page;
}
