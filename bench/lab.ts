import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Child } from './child.js';
import { cpuSince, cpuTimes } from './cpu.js';
import { Ground } from './ground.js';
import type { Load } from './load/main.js';
import type { Options } from './options.js';
import { summarize, type CpuProfile } from './profile.js';
import { format, markdown } from './report.js';
import { remote, type Remote } from './rpc.js';
import { startBaseline } from './servers/baseline.js';
import { startTidings, type Deployment } from './servers/tidings.js';
import type { Target } from './servers/target.js';

interface Probe {
  memory(): NodeJS.MemoryUsage;
  startProfile(): void;
  stopProfile(): CpuProfile;
}

/** CPU time of one measurement. */
interface Cost {
  readonly part: string;
  readonly name: string;
  readonly units: number;
  readonly cpu: Record<string, number>;
}

/** The part of a measurement that does not count. */
export const WARM_UP = 'warm-up';

export type Backend = 'postgres' | 'redis';

/** Everything that runs during a benchmark, and the clocks. */
export class Lab {
  private readonly children = new Set<Child>();
  private readonly costs: Cost[] = [];

  private constructor(
    readonly options: Options,
    readonly ground: Ground,
    private readonly loadChild: Child,
    readonly load: Remote<Load>,
  ) {}

  static async open(options: Options): Promise<Lab> {
    const ground = await Ground.open(options.dataDir);
    const child = await Child.start({ name: 'the load', script: 'bench/load/main.ts', ready: /ready/ });
    return new Lab(options, ground, child, remote<Load>(child.process, 'the load'));
  }

  get backends(): Backend[] {
    return this.ground.redisUrl === null ? ['postgres'] : ['redis', 'postgres'];
  }

  tidings(backend: Backend, deployment?: Deployment): Promise<Target> {
    const { databaseUrl, redisUrl } = this.ground;
    const { concurrency } = this.options.sizes;
    return this.keep(startTidings({ backend, databaseUrl, redisUrl, concurrency }, deployment));
  }

  baseline(which: 'bare-http' | 'plain-nest', keep = false): Promise<Target> {
    return this.keep(startBaseline(which, keep));
  }

  /** Starts another process. */
  async child(options: Parameters<typeof Child.start>[0]): Promise<Child> {
    const child = await Child.start(options);
    this.children.add(child);
    return child;
  }

  async stop(...children: Child[]): Promise<void> {
    await Promise.all(children.map((child) => child.stop()));
    for (const child of children) this.children.delete(child);
  }

  /** Resident memory after a collection, in KiB. */
  async residentKib(child: Child): Promise<number> {
    const { rss } = await remote<Probe>(child.process, child.name).memory();
    return rss / 1_024;
  }

  /** Runs a measurement of so many units (entries, jobs), and notes what it cost in CPU. */
  async measure<T>(part: string, child: Child, units: number, run: () => Promise<T>): Promise<T> {
    const { profileDir } = this.options;
    const probe = remote<Probe>(child.process, child.name);
    if (profileDir !== null) await probe.startProfile();
    const pids = { server: child.pid, load: this.loadChild.pid, ...this.ground.pids };
    const before = cpuTimes(pids);
    const begunAt = performance.now();
    const result = await run();
    const seconds = (performance.now() - begunAt) / 1_000;
    console.log(`  (${part}) ${child.name}: ${units} in ${seconds.toFixed(1)} s`);
    if (part !== WARM_UP) this.costs.push({ part, name: child.name, units, cpu: cpuSince(before, pids) });
    if (profileDir !== null) await this.report(profileDir, part, child, await probe.stopProfile());
    return result;
  }

  /** CPU time by process, of all parts or these, for 1,000 units each: less shaken by what else the machine does than any rate. */
  costTable(parts?: readonly string[]): string {
    const costs = this.costs.filter(({ part }) => parts?.includes(part) ?? true);
    if (costs.length === 0) return '';
    const names = ['server', ...Object.keys(this.ground.pids), 'load'];
    const keys = [...new Set(costs.map(({ part, name }) => `${part}\t${name}`))];
    const lines = keys.map((key) => {
      const [part = '', name = ''] = key.split('\t');
      const own = costs.filter((cost) => cost.part === part && cost.name === name);
      const units = own.reduce((sum, cost) => sum + cost.units, 0);
      const spent = (process: string): number => own.reduce((sum, cost) => sum + (cost.cpu[process] ?? 0), 0);
      return [`(${part})`, name, ...names.map((process) => format((1_000 * spent(process)) / units))];
    });
    return markdown(['', 'CPU ms for 1,000', ...names], lines, new Set([2, 3, 4, 5]));
  }

  async close(): Promise<void> {
    await this.stop(...this.children, this.loadChild);
    await this.ground.close();
  }

  private async keep(starting: Promise<Target>): Promise<Target> {
    const target = await starting;
    this.children.add(target.child);
    return target;
  }

  private async report(directory: string, part: string, child: Child, profile: CpuProfile): Promise<void> {
    await mkdir(directory, { recursive: true });
    const file = join(directory, `${part}-${child.name.replace(/\W+/g, '-')}.cpuprofile`);
    await writeFile(file, JSON.stringify(profile));
    const { busy, owners, functions } = summarize(profile);
    const percent = (share: number): string => `${(100 * share).toFixed(1)} %`.padStart(8);
    console.log(`\n(${part}) ${child.name}: busy ${percent(busy)}, ${file}`);
    for (const [name, share] of [...owners, ['', 0] as const, ...functions]) {
      console.log(name === '' ? '' : `${percent(share)}  ${name}`);
    }
  }
}
