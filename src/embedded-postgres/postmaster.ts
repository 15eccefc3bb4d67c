import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ignoring } from './home.js';
import { run } from './run.js';

/** A running server. */
export interface Postmaster {
  readonly pid: number;
  /** `null` until the server has written it. */
  readonly port: number | null;
}

/**
 * Finds the running server of a data directory by its `postmaster.pid` (lines: pid, directory, start, port,
 * ...). The file alone proves nothing: it outlives a SIGKILL, and another process may have its pid by now.
 */
export async function findPostmaster(dataDir: string): Promise<Postmaster | null> {
  const text = await readFile(join(dataDir, 'postmaster.pid'), 'utf8').catch(ignoring('ENOENT'));
  const lines = text?.split('\n') ?? [];
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  if (!isAlive(pid) || !(await isPostmasterOf(pid, dataDir))) return null;
  return { pid, port: Number(lines[3]) || null };
}

/** Whether there is such a process that we may signal. Another user's process is not the one we look for. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Signals a postmaster and its children, which are all processes of a server. */
export async function signalTree(postmaster: number, signal: NodeJS.Signals): Promise<void> {
  const children = await childrenOf(postmaster);
  // The parent first, so that it does not react meanwhile.
  for (const pid of [postmaster, ...children]) {
    try {
      process.kill(pid, signal);
    } catch {
      // gone since it was listed
    }
  }
}

async function isPostmasterOf(pid: number, dataDir: string): Promise<boolean> {
  if (process.platform === 'win32') return true;
  const command = await commandLine(pid);
  // pg_ctl starts `postgres -D <dataDir> ...`. A zombie, which some containers never reap, has no command
  // line.
  return command !== null && /postgres/.test(command) && command.includes(dataDir);
}

/** `null` if the process has ended, or is a zombie. */
async function commandLine(pid: number): Promise<string | null> {
  if (process.platform !== 'linux') {
    const { code, output } = await run('ps', ['-ww', '-o', 'command=', '-p', String(pid)]);
    return code === 0 ? output : null;
  }
  // Unlike `cwd` and `exe`, `cmdline` is readable without CAP_SYS_PTRACE, which root in a container lacks.
  // `ps` may be missing too.
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text === '' ? null : text.replaceAll('\0', ' ');
}

async function childrenOf(parent: number): Promise<number[]> {
  if (process.platform === 'win32') return [];
  if (process.platform !== 'linux') {
    const { output } = await run('pgrep', ['-P', String(parent)]);
    return output.split(/\s+/).filter(Boolean).map(Number);
  }
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const parents = await Promise.all(
    pids.map(async (pid) => {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      // `pid (name, which may contain anything) state ppid ...`
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    }),
  );
  return pids.filter((_, index) => parents[index] === parent);
}
