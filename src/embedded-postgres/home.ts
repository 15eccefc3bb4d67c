import { randomBytes } from 'node:crypto';
import {
  chmod,
  lchown,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { accountOf, canReach, chooseAccount, isRoot, type Account } from './account.js';
import { EmbeddedPostgresError } from './error.js';
import { ensureStateDir } from './state-dir.js';

/** The directory of a cluster, and the account that it runs as. */
export interface Home {
  /**
   * Contains `data/`, `password`, `superuser-password`, `port` and `postgres.log`. If we are root, it belongs to root, and `data/`
   * and the log to the account: root must not write in a directory where an unprivileged user could have
   * created symbolic links.
   */
  readonly path: string;
  /** `null`: ourselves. */
  readonly account: Account | null;
}

/** The logger of the embedded Postgres; Nest's logger fits. */
export interface Log {
  log(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/**
 * Opens `<dataDir>/postgres`, and creates it if needed.
 *
 * If we are root, Postgres runs as an unprivileged user. If that user cannot enter `dataDir` (a checkout in
 * root's home), the directory is created below `/var/lib/tidings`, and `<dataDir>/postgres` is a symbolic
 * link to it: TIDINGS_DATA_DIR still leads to the data, and removing the link still means starting anew.
 *
 * @throws {EmbeddedPostgresError} if the directory belongs to another user, or to a user that cannot run
 * Postgres.
 */
export async function openHome(dataDir: string, log: Log): Promise<Home> {
  const place = join(resolve(dataDir), 'postgres');
  try {
    await mkdir(dirname(place), { recursive: true, mode: 0o755 });
    if (!(await exists(place))) await create(place, await chooseAccount(), log);
    return await existing(place);
  } catch (error) {
    if (error instanceof EmbeddedPostgresError) throw error;
    throw new EmbeddedPostgresError(
      `The data directory ${place} cannot be used: ${(error as Error).message}. ` +
        'Set TIDINGS_DATA_DIR to a directory that this user may write to.',
      { cause: error },
    );
  }
}

/** The passwords of the two roles of a cluster: what the application can read or leak does not open the superuser's role. */
export interface Passwords {
  readonly application: string;
  readonly superuser: string;
}

/** The passwords; created on the first call, in files that only the owner and root can read. */
export async function passwordsOf(home: Home): Promise<Passwords> {
  const [application, superuser] = await Promise.all([
    passwordIn(join(home.path, 'password')),
    passwordIn(join(home.path, 'superuser-password')),
  ]);
  return { application, superuser };
}

async function passwordIn(file: string): Promise<string> {
  for (;;) {
    const kept = await readFile(file, 'utf8').catch(ignoring('ENOENT'));
    if (kept !== undefined) return kept.trim();
    // Written under another name and linked, so that two processes that start at once agree on one complete
    // file.
    const draft = `${file}.${process.pid}`;
    await writeFile(draft, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600 });
    await link(draft, file).catch(ignoring('EEXIST'));
    await rm(draft);
  }
}

/** Makes the account the owner of a file or directory. */
export async function give(path: string, account: Account | null): Promise<void> {
  if (account) await lchown(path, account.uid, account.gid);
}

/** For `catch`: turns errors of this code into `undefined`. */
export function ignoring(code: string): (error: NodeJS.ErrnoException) => undefined {
  return (error) => {
    if (error.code !== code) throw error;
  };
}

async function create(place: string, account: Account | null, log: Log): Promise<void> {
  if (await canReach(dirname(place), account)) {
    await mkdir(place).catch(ignoring('EEXIST'));
    await chmod(place, modeFor(account));
    return;
  }
  const stateDir = await ensureStateDir(`The user ${account?.name} cannot reach the data directory ${place}`);
  const home = await mkdtemp(join(stateDir, `${basename(dirname(dirname(place))) || 'data'}-`));
  await chmod(home, modeFor(account));
  try {
    await symlink(home, place);
  } catch (error) {
    await rm(home, { recursive: true });
    ignoring('EEXIST')(error as NodeJS.ErrnoException);
    return;
  }
  log.warn(
    `As root, Postgres runs as the user ${account?.name}, who cannot enter ${dirname(place)}: ` +
      `the data is in ${home}, and ${place} is a link to it.`,
  );
}

async function existing(place: string): Promise<Home> {
  const path = await realpath(place).catch(ignoring('ENOENT'));
  if (path === undefined) {
    throw new EmbeddedPostgresError(
      `${place} is a link to a missing directory. Remove the link to start with an empty database.`,
    );
  }
  const owner = (await lstat(join(path, 'data')).catch(ignoring('ENOENT'))) ?? (await lstat(path));
  if (!isRoot()) {
    if (owner.uid === process.geteuid?.() || process.platform === 'win32') return { path, account: null };
    throw new EmbeddedPostgresError(
      `The data directory ${path} belongs to another user (uid ${owner.uid}), probably because Tidings ran as root ` +
        'before. Run it as before, or set TIDINGS_DATA_DIR to another directory.',
    );
  }
  // The first account keeps running it, even if another candidate has appeared on the machine since.
  const account = owner.uid === 0 ? await chooseAccount() : accountOf(owner);
  if (await canReach(path, account)) return { path, account };
  throw new EmbeddedPostgresError(
    `The data directory ${path} is for ${account?.name}, who cannot enter it. Make its parents enterable (chmod a+x).`,
  );
}

/** The account must pass through, but neither list nor write. */
function modeFor(account: Account | null): number {
  return account ? 0o711 : 0o700;
}

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(ignoring('ENOENT'))) !== undefined;
}
