import { EmbeddedPostgresError, USE_YOUR_OWN } from './error.js';
import { run, type RunAs } from './run.js';

/** A user of this machine that programs can be run as. */
export interface Account extends RunAs {
  readonly name: string;
}

/** In this order; `initdb` insists that its user has a name, so any number will not do. */
const CANDIDATES = ['postgres', '_postgres', 'nobody', 'daemon'];

/** Whether this process is root, as whom Postgres refuses to run. */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/**
 * The user that Postgres runs as: `null` (ourselves) unless we are root.
 *
 * @throws {EmbeddedPostgresError} if we are root and there is no other user on this machine.
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

/** The account behind the owner of a file. */
export function accountOf(owner: RunAs): Account {
  return { name: `uid ${owner.uid}`, uid: owner.uid, gid: owner.gid };
}

/**
 * Whether `account` can enter this directory, or execute this file. The kernel is asked, through a process of that
 * user, because mode bits alone do not know about access control lists and mount options.
 */
export async function canReach(path: string, account: Account | null): Promise<boolean> {
  if (account === null) return true;
  const { code } = await run('/bin/sh', ['-c', 'test -x "$1"', 'sh', path], { account });
  return code === 0;
}

async function lookUp(name: string): Promise<Account | null> {
  // `id` is POSIX and knows what the machine's directory service knows, which /etc/passwd may not.
  const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
  if (uid.code !== 0 || gid.code !== 0) return null;
  return { name, uid: Number(uid.output), gid: Number(gid.output) };
}
