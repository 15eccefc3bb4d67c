// Runs before `npm start`: builds if a source is newer than the last build, or if there is none. `npm run build` always builds.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCES = ['src', 'scripts', 'package.json', 'package-lock.json', 'nest-cli.json'];
/** What each of the build's steps makes; the last one is missing if a build broke off. */
const OUTPUTS = ['dist/main.js', 'dist/browser/element/index.js', 'dist/browser/element/index.d.ts'];

function newest(path) {
  const stat = statSync(path);
  // A directory as well: it changes when a file in it is removed.
  const inside = stat.isDirectory() ? readdirSync(path).map((name) => newest(join(path, name))) : [];
  return Math.max(stat.mtimeMs, ...inside);
}

const at = (name) => join(PACKAGE, name);
const configs = readdirSync(PACKAGE).filter((name) => /^tsconfig.*\.json$/.test(name));
const changedMs = Math.max(...[...SOURCES, ...configs].map((name) => newest(at(name))));
const isBuilt = OUTPUTS.every((name) => existsSync(at(name)) && statSync(at(name)).mtimeMs > changedMs);

if (!isBuilt) {
  const shell = process.platform === 'win32';
  const { status } = spawnSync('npm', ['run', 'build'], { cwd: PACKAGE, stdio: 'inherit', shell });
  process.exitCode = status ?? 1;
}
