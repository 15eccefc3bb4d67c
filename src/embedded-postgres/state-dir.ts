import { lstat, mkdir } from 'node:fs/promises';
import { EmbeddedPostgresError, USE_YOUR_OWN } from './error.js';

/**
 * Root's directory for everything that Postgres's user could not reach below the checkout: a copy of the
 * binaries, a data directory. Not the temporary directory: cleaners empty it under a running server, a
 * restart loses it, and any local user could have created files there first.
 */
export const STATE_DIR = '/var/lib/tidings';

/**
 * Creates {@link STATE_DIR}.
 *
 * @throws {EmbeddedPostgresError} if it cannot be created, or if another user could have planted files in it.
 */
export async function ensureStateDir(reason: string): Promise<string> {
  try {
    await mkdir(STATE_DIR, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new EmbeddedPostgresError(
      `${reason}, and ${STATE_DIR} cannot be made to keep it in instead. Move the checkout (or TIDINGS_DATA_DIR) to ` +
        `where other users may enter, or start Tidings as an ordinary user. ${USE_YOUR_OWN}`,
      { cause: error },
    );
  }
  await assertOnlyOurs(STATE_DIR);
  return STATE_DIR;
}

/** @throws {EmbeddedPostgresError} unless it is a real directory of ours that no other user can write to. */
export async function assertOnlyOurs(directory: string): Promise<void> {
  const stats = await lstat(directory);
  const ours = stats.isDirectory() && stats.uid === process.geteuid?.() && (stats.mode & 0o022) === 0;
  if (ours) return;
  throw new EmbeddedPostgresError(
    `${directory} is not a directory that only root may write to, so that programs in it cannot be trusted. ` +
      `Remove it, or make it root's with mode 0755. ${USE_YOUR_OWN}`,
  );
}
