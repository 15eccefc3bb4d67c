// Bundles what runs in browsers: `node scripts/build-browser.js [outDir]`, `dist` if nothing is said. Each entry becomes one file, so
// that a page without a bundler takes it as it is. The declarations are made by `tsc -p tsconfig.browser.json`.
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { minify } from '@swc/core';
import { build, transform } from 'esbuild';

const PACKAGE = dirname(dirname(fileURLToPath(import.meta.url)));
const outDir = process.argv[2] ?? join(PACKAGE, 'dist');

/** The files that are made, and what each leaves to be imported: the host's own React, the client that the application has, what is rarely needed. */
const ENTRIES = {
  'browser/client/index': ['./event-source.js'],
  'browser/client/event-source': [],
  'browser/react/index': ['react', '../client/index.js'],
  'browser/element/index': ['./event-source.js', './overlays.js'],
  'browser/element/event-source': [],
  'browser/element/overlays': [],
  'browser/push/index': [],
  'browser/push/service-worker': [],
};

/** Not a module: `importScripts` of an application's own service worker takes it, too. */
const SCRIPTS = ['browser/push/service-worker'];

/** What the bundle of the element loads from beside it is the client's. */
const SOURCES = { 'browser/element/event-source': 'browser/client/event-source' };

/** Minifies the style sheets, which are strings in modules of their own. */
const styles = {
  name: 'styles',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]element[\\/]css[\\/]\w+\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, 'utf8');
      const [text, before, css] = /^([^]*?)`([^`]*)`/.exec(source.slice(source.indexOf('export const')));
      const { code } = await transform(css, { loader: 'css', minify: true });
      return {
        contents: `${before}${JSON.stringify(code)}${source.slice(source.indexOf(text) + text.length)}`,
        loader: 'ts',
      };
    });
  },
};

await Promise.all(
  Object.entries(ENTRIES)
    .map(([name, external]) => ({
      name,
      external,
      entry: join(PACKAGE, 'src', `${SOURCES[name] ?? name}.ts`),
    }))
    .filter(({ entry }) => existsSync(entry))
    .map(async ({ name, external, entry }) => {
      const outfile = join(outDir, `${name}.js`);
      const { outputFiles } = await build({
        entryPoints: [entry],
        outfile,
        bundle: true,
        format: SCRIPTS.includes(name) ? 'iife' : 'esm',
        // What MDN calls widely available; older browsers are the host's bundler's business.
        target: 'es2022',
        minify: true,
        sourcemap: 'external',
        external,
        plugins: [styles],
        // Assigned, not declared: a declaration of what the constructor sets is bytes without an effect.
        tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
        logLevel: 'warning',
        write: false,
      });
      const text = (ending) => outputFiles.find(({ path }) => path.endsWith(ending)).text;
      // A twentieth smaller than what esbuild leaves: it also inlines and joins statements.
      const { code, map } = await minify(text('.js'), {
        module: !SCRIPTS.includes(name),
        ecma: 2020,
        compress: { ecma: 2020, passes: 3 },
        mangle: true,
        sourceMap: { content: text('.js.map') },
      });
      await mkdir(dirname(outfile), { recursive: true });
      await writeFile(outfile, `${code}\n//# sourceMappingURL=${basename(outfile)}.map\n`);
      await writeFile(`${outfile}.map`, map);
    }),
);
