import { chmodSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';

/** The temporary directory of this test run; emptied, with every server in it ended, when the run is over. */
export function testRoot(): string {
  const root = process.env.TIDINGS_TEST_ROOT;
  if (!root) throw new Error('TIDINGS_TEST_ROOT is not set: run the tests with "npm test".');
  return root;
}

/** A new directory in it that other users may enter, as servers that do not run as root must. */
export function testDirectory(name: string): string {
  const directory = mkdtempSync(join(testRoot(), `${name}-`));
  chmodSync(directory, 0o755);
  return directory;
}
