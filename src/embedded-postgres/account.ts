import { EmbeddedPostgresError, USE_YOUR_OWN } from './error.js';
import { run, type RunAs } from './run.js';

/** A user of this machine to run programs as. */
export interface Account extends RunAs {
  readonly name: string;
}

/** In order of preference. `initdb` requires a user with a name, so an arbitrary number does not work. */
const CANDIDATES = ['postgres', '_postgres', 'nobody', 'daemon'];

/** Whether this process runs as root, which Postgres rejects. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/**
 * The user that Postgres runs as; `null` (ourselves) unless we are root.
 *
 * @throws {EmbeddedPostgresError} if we are root and this machine has no suitable user.
 */
export async function chooseAccount(): Promise<Account | null> {
  if (!isRoot()) return null;
  for (const name of CANDIDATES) {
    const account = await lookUp(name);
    if (account && account.uid !== 0) return account;
  }
  throw new EmbeddedPostgresError(
    `Postgres refuses to run as root, and none of the users ${CANDIDATES.join(', ')} exists here. ` +
      `Start Tidings as an ordinary user, or add one of them. ${USE_YOUR_OWN}`,
  );
}

/** The account of a file's owner. */
export function accountOf(owner: RunAs): Account {
  return { name: `uid ${owner.uid}`, uid: owner.uid, gid: owner.gid };
}

/**
 * Whether `account` can enter this directory or execute this file. Tested with a process of that user,
 * because mode bits ignore access control lists and mount options.
 */
export async function canReach(path: string, account: Account | null): Promise<boolean> {
  if (account === null) return true;
  const { code } = await run('/bin/sh', ['-c', 'test -x "$1"', 'sh', path], { account });
  return code === 0;
}

async function lookUp(name: string): Promise<Account | null> {
  // `id` is POSIX and includes the machine's directory service, unlike /etc/passwd.
  const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
  if (uid.code !== 0 || gid.code !== 0) return null;
  return { name, uid: Number(uid.output), gid: Number(gid.output) };
}
