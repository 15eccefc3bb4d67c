import { afterEach, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onBothBackends } from '../../guarantees/house.js';

const PACKAGE = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const TSX = join(PACKAGE, 'node_modules', 'tsx', 'dist', 'cli.mjs');
/** Of which it takes one, and a few on a busy machine. */
const LIMIT_MS = 12 * 60_000;

let child: ChildProcess | null = null;

afterEach(() => {
  child?.kill('SIGKILL');
  child = null;
});

onBothBackends('The proof with every fault', (backend) => {
  it(
    'loses, repeats, reorders and misdirects no entry',
    async () => {
      const args = ['--short', '--minutes', '0.6', '--backend', backend.toLowerCase()];
      const { code, output } = await prove(args);
      // A failing run says the seed and the history of the entry in question.
      if (code !== 0) throw new Error(output);
      expect(output).toMatch(/nothing is wrong/);
    },
    LIMIT_MS,
  );
});

/** In a process of its own: under jest, hundreds of clients would take several times as long. */
async function prove(args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const started = spawn(process.execPath, [TSX, join(PACKAGE, 'test/slow/prove/run.ts'), ...args], {
    cwd: PACKAGE,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = started;
  let output = '';
  for (const stream of [started.stdout, started.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const code = await new Promise<number | null>((resolve) => started.once('close', resolve));
  return { code, output };
}
