import { readdirSync, readFileSync } from 'node:fs';
import type { BrowserEngine, BrowserPage } from './browser-engine.js';

/** Ticks of the clock (10 ms) that the process of a tab is to be ahead of all others. */
const AHEAD = 30;

/** Finds the process of a tab, which no driver reports: the one that works most while the tab does. For Linux. */
export async function processOf(browser: BrowserEngine, page: BrowserPage): Promise<number> {
  const before = ticksBelow(browser.pid);
  for (;;) {
    await page.evaluate(
      '(() => { const end = performance.now() + 200; while (performance.now() < end); })()',
    );
    const [first, second] = [...ticksBelow(browser.pid)]
      .map(([pid, ticks]) => ({ pid, ticks: ticks - (before.get(pid) ?? 0) }))
      .sort((a, b) => b.ticks - a.ticks);
    if (first!.ticks - (second?.ticks ?? 0) >= AHEAD) return first!.pid;
  }
}

/** The time that each process below this one has had, in ticks. */
function ticksBelow(root: number): Map<number, number> {
  const all = new Map<number, { parent: number; ticks: number }>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      // After the name of the program, which may have spaces and brackets: state, parent, ..., utime, stime.
      const fields = readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
      all.set(Number(name), { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) });
    } catch {
      // Ended meanwhile.
    }
  }
  const isBelow = (pid: number): boolean => {
    const parent = all.get(pid)?.parent ?? 0;
    return parent === root || (parent > 1 && isBelow(parent));
  };
  return new Map([...all].filter(([pid]) => isBelow(pid)).map(([pid, { ticks }]) => [pid, ticks]));
}
