import { spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CaughtBy } from './mutation.js';

/** Longer than any test that the list names. */
const LIMIT_MS = 5 * 60_000;

/** What a run of jest found. */
export interface Outcome {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
  /** Why nothing was found out: the file does not load, or no test has that name. */
  readonly broken: string | null;
}

interface JestReport {
  testResults: {
    message: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
}

/** Runs tests in a copy of the repository, in a process of its own. */
export async function runTests(directory: string, { file, test }: CaughtBy): Promise<Outcome> {
  const report = join(directory, 'mutation-report.json');
  await rm(report, { force: true });
  await jest(directory, [
    ...(file.startsWith('test/slow/') ? ['--config', 'jest.slow.config.js'] : []),
    ...['--runTestsByPath', file, '--runInBand', '--json', `--outputFile=${report}`],
    // A broken product may leave anything open.
    '--forceExit',
    ...(test === undefined ? [] : ['--testNamePattern', escapeRegExp(test)]),
  ]);
  const text = await readFile(report, 'utf8').catch(() => null);
  if (text === null) return { passed: [], failed: [], broken: 'jest came to no end' };
  const { testResults } = JSON.parse(text) as JestReport;
  const named = (status: string): string[] =>
    testResults.flatMap(({ assertionResults }) =>
      assertionResults.filter((result) => result.status === status).map(({ fullName }) => fullName),
    );
  const [passed, failed] = [named('passed'), named('failed')];
  const problem = testResults.map(({ message }) => message).join('\n') || `no test is named ${test}`;
  return { passed, failed, broken: passed.length + failed.length === 0 ? problem : null };
}

function jest(directory: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js', ...args],
      {
        cwd: directory,
        stdio: 'ignore',
        // The first counterexample will do.
        env: { ...process.env, PROPERTY_SHRINK: 'false' },
      },
    );
    const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS);
    child.once('error', reject);
    child.once('exit', () => {
      clearTimeout(limit);
      resolve();
    });
  });
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
