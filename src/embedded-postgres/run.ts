import { spawn } from 'node:child_process';

/** The user and group to run a program as. */
export interface RunAs {
  readonly uid: number;
  readonly gid: number;
}

/** The result of a program. */
export interface Finished {
  /** The exit code; `null` if a signal ended it. */
  readonly code: number | null;
  /** Both outputs in the order of arrival, trimmed. */
  readonly output: string;
}

/**
 * Runs a program to its end, as another user if `account` is given (with uid and gid of the spawn, because
 * `su` and `sudo` may be missing).
 *
 * The environment is a short list instead of ours: `PG*` variables would affect the server's programs, and
 * they must not see our secrets. `LC_ALL=C` keeps their messages parseable.
 *
 * @throws the spawn's own error (ENOENT, EACCES) if the program cannot run at all.
 */
export function run(
  file: string,
  args: readonly string[],
  options: { account?: RunAs | null; cwd?: string } = {},
): Promise<Finished> {
  const { account, cwd } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: cwd ?? (process.platform === 'win32' ? undefined : '/'),
      env: { ...inherited('PATH', 'TMPDIR', 'TEMP', 'TMP', 'SystemRoot', 'ComSpec'), LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
      ...(account ? { uid: account.uid, gid: account.gid } : {}),
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: output.trim() }));
  });
}

function inherited(...names: string[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of names) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}
