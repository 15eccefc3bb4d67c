import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoring } from './home.js';
import { run } from './run.js';

/** A running server. */
export interface Postmaster {
  readonly pid: number;
  /** `null` in the first moments, when it has not said it yet. */
  readonly port: number | null;
}

/**
 * The running server of a data directory, by its `postmaster.pid` (lines: pid, directory, start, port, ...). The file alone
 * proves nothing: it outlives a SIGKILL, and its number may be another process's by now.
 */
export async function findPostmaster(dataDir: string): Promise<Postmaster | null> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(ignoring('ENOENT'));
  const lines = text?.split('\n') ?? [];
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  if (!isAlive(pid) || !(await isPostmasterOf(pid, dataDir))) return null;
  return { pid, port: Number(lines[3]) || null };
}

/** Whether there is such a process that we may signal. Another user's is not the one we look for. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function isPostmasterOf(pid: number, dataDir: string): Promise<boolean> {
  if (process.platform === 'win32') return true;
  const command = await commandLine(pid);
  // pg_ctl starts `postgres -D <dataDir> ...`. A zombie, which nobody reaps in some containers, has no command line.
  return command !== null && /postgres/.test(command) && command.includes(dataDir);
}

/** `null` if the process is gone, or a zombie. */
async function commandLine(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') {
    const { code, output } = await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
    return code === 0 ? output : null;
  }
  // Unlike `cwd` and `exe`, `cmdline` may be read without CAP_SYS_PTRACE, which root in a container lacks. `ps` may lack, too.
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text === '' ? null : text.replaceAll('\0', ' ');
}
