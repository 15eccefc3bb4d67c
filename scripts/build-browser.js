// Bundles what runs in browsers: `node scripts/build-browser.js [outDir]`, `dist` if nothing is said. Each entry becomes one file, so
// that a page without a bundler takes it as it is. The declarations are made by `tsc -p tsconfig.browser.json`.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const PACKAGE = dirname(dirname(fileURLToPath(import.meta.url)));
const outDir = process.argv[2] ?? join(PACKAGE, 'dist');

/** The files that are made, and what each leaves to be imported: the host's own React, the client that the application has, what is rarely needed. */
const ENTRIES = {
  'browser/client/index': ['./event-source.js'],
  'browser/client/event-source': [],
  'browser/react/index': ['react', '../client/index.js'],
  'browser/element/index': [],
};

await Promise.all(
  Object.entries(ENTRIES)
    .map(([name, external]) => ({ name, external, entry: join(PACKAGE, 'src', `${name}.ts`) }))
    .filter(({ entry }) => existsSync(entry))
    .map(({ name, external, entry }) =>
      build({
        entryPoints: [entry],
        outfile: join(outDir, `${name}.js`),
        bundle: true,
        format: 'esm',
        // What MDN calls widely available; older browsers are the host's bundler's business.
        target: 'es2022',
        minify: true,
        sourcemap: true,
        external,
        tsconfigRaw: {},
        logLevel: 'warning',
      }),
    ),
);
