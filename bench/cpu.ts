import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts in hundredths of a second, whatever the kernel's own clock (`getconf CLK_TCK`). */
const MS_PER_TICK = 10;

/** CPU time by name, in ms; without Linux' /proc always 0. */
export type CpuTimes = Record<string, number>;

/** CPU time spent so far by these processes and all their descendants, those that ended included. */
export function cpuTimes(pids: Record<string, number>): CpuTimes {
  const all = processes();
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, treeTime(pid, all)]));
}

/** What was spent since. */
export function cpuSince(before: CpuTimes, pids: Record<string, number>): CpuTimes {
  const now = cpuTimes(pids);
  return Object.fromEntries(Object.entries(now).map(([name, ms]) => [name, ms - (before[name] ?? 0)]));
}

interface Stat {
  readonly parent: number;
  readonly ms: number;
}

function treeTime(pid: number, all: ReadonlyMap<number, Stat>): number {
  let ms = all.get(pid)?.ms ?? 0;
  for (const [child, { parent }] of all) if (parent === pid) ms += treeTime(child, all);
  return ms;
}

function processes(): Map<number, Stat> {
  const stats = new Map<number, Stat>();
  try {
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const stat = read(`/proc/${name}/stat`);
      if (stat) stats.set(Number(name), stat);
    }
  } catch {
    // not Linux
  }
  return stats;
}

function read(file: string): Stat | null {
  try {
    const text = readFileSync(file, 'utf8');
    // The second field is the program's name in brackets and may hold anything; see proc(5).
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
    return { parent: Number(fields[1]), ms: ticks * MS_PER_TICK };
  } catch {
    return null; // ended meanwhile
  }
}

/** CPU time that this process alone has spent so far, in us: finer than the ticks, for short measurements of one process. */
export function processorUs(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1_000;
}
