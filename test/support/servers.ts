import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync } from 'node:fs';
import { lstat, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAlive } from '../../src/embedded-postgres/postmaster.js';
import { DEBIAN_PACKAGES, findTool, type Tool } from './find-tool.js';
import { initialisePostgres, SHARED_URL, startPostgres, stopAllPostgres } from './postgres.js';
import { stopAllRedis } from './redis.js';

const ROOT_PREFIX = 'tidings-test-';

/** Before all suites: the shared Postgres, and the programs that suites need. */
export async function setUp(): Promise<void> {
  await sweepAbandonedRuns();
  installMissing();
  const root = mkdtempSync(join(tmpdir(), `${ROOT_PREFIX}${process.pid}-`));
  // Postgres runs as another user when the tests run as root.
  chmodSync(root, 0o755);
  // jest's workers are started later and get these.
  process.env.TIDINGS_TEST_ROOT = root;
  await initialisePostgres();
  process.env[SHARED_URL] = (await startPostgres()).superuserUrl;
}

/** After all suites: nothing is left running, whatever a suite forgot. */
export async function tearDown(): Promise<void> {
  const root = process.env.TIDINGS_TEST_ROOT;
  if (root) await sweep(root);
}

async function sweep(root: string): Promise<void> {
  await stopAllPostgres(root);
  await stopAllRedis(root);
  await rm(root, { recursive: true, force: true, maxRetries: 3 });
}

/** A run that was interrupted or killed has had no tear-down. */
async function sweepAbandonedRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${ROOT_PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    // Anybody may make such a name here, with links inside that lead elsewhere.
    const root = join(tmpdir(), name);
    const stats = await lstat(root).catch(() => null);
    if (!stats?.isDirectory() || stats.uid !== process.geteuid?.()) continue;
    // Another run may be at it.
    await sweep(root).catch(() => {});
  }
}

/** Installs what is missing on Debian as root; elsewhere suites are skipped, which under CI=true is a failure. */
function installMissing(): void {
  const missing = (): Tool[] =>
    (Object.keys(DEBIAN_PACKAGES) as Tool[]).filter((tool) => findTool(tool) === null);
  let absent = missing();
  if (absent.length > 0 && existsSync('/etc/debian_version') && process.geteuid?.() === 0) {
    const packages = absent.map((tool) => DEBIAN_PACKAGES[tool]);
    console.log(`Installing ${packages.join(', ')} for the tests`);
    aptGet('update');
    aptGet('install', '-y', '--no-install-recommends', ...packages);
    absent = missing();
  }
  if (absent.length > 0 && process.env.CI === 'true') {
    throw new Error(
      `The tests need ${absent.join(', ')}; under CI=true a suite that cannot run is a failure.`,
    );
  }
}

function aptGet(...args: string[]): void {
  const { status, stdout, stderr, error } = spawnSync('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
  });
  // Not fatal: what is still missing afterwards decides.
  if (status !== 0) console.error(`apt-get ${args[0]} failed: ${error?.message ?? stdout + stderr}`);
}
