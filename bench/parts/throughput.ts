import type { Arrived } from '../arrivals.js';
import { WARM_UP, type Backend, type Lab } from '../lab.js';
import { median, type Row } from '../report.js';
import { startNoop, type Noop } from '../servers/noop.js';
import type { Target } from '../servers/target.js';

const TARGETS = { redis: 0.6, postgres: 0.85 };

/** (a) Jobs from the queue to the frame, against a worker that does nothing. */
export async function throughput(lab: Lab): Promise<Row[]> {
  const rows: Row[] = [];
  for (const backend of lab.backends) rows.push(...(await onBackend(lab, backend)));
  return rows;
}

async function onBackend(lab: Lab, backend: Backend): Promise<Row[]> {
  const { sizes } = lab.options;
  const jobs = backend === 'redis' ? sizes.jobs : sizes.jobsOnPostgres;
  const users = Array.from({ length: sizes.busyStreams }, (_, index) => `busy-${backend}-${index}`);

  const tidings = await lab.tidings(backend);
  await openAll(lab, tidings, users);
  const noop = await startNoop(lab, backend);

  const rates = { tidings: [] as number[], noop: [] as number[] };
  for (let round = 0; round <= sizes.rounds; round++) {
    // The first one warms up.
    const note = (list: number[], rate: number): unknown => round > 0 && list.push(rate);
    const part = round > 0 ? 'a' : WARM_UP;
    note(rates.tidings, await takeJobs(lab, part, tidings, users, jobs));
    note(rates.noop, await doNothing(lab, part, noop, users, jobs));
  }
  await lab.load.closeStreams(tidings.name);
  await lab.stop(tidings.child, noop.child);

  const on = backend === 'redis' ? 'Redis' : 'Postgres';
  return [
    {
      part: 'a',
      what: `queue to frame, ${on}`,
      unit: 'jobs/s',
      tidings: median(rates.tidings),
      against: 'worker doing nothing',
      baseline: median(rates.noop),
      target: { atLeast: TARGETS[backend] },
    },
  ];
}

async function openAll(lab: Lab, target: Target, users: readonly string[]): Promise<void> {
  await lab.load.addStreams(target.name, await target.streams(users));
  await lab.load.openStreams(target.name, false);
}

async function takeJobs(
  lab: Lab,
  part: string,
  target: Target,
  users: string[],
  jobs: number,
): Promise<number> {
  const { load } = lab;
  const { name, child, queue } = target;
  if (queue === null) throw new Error(`${name} has no queue`);
  await load.fill(queue, users, jobs);
  await load.expect(name, jobs);
  return perSecond(
    await lab.measure(part, child, jobs, async () => {
      await load.resume(queue);
      return load.arrived(name);
    }),
  );
}

async function doNothing(lab: Lab, part: string, noop: Noop, users: string[], jobs: number): Promise<number> {
  const { load } = lab;
  await load.fill(noop.queue, users, jobs);
  await noop.worker.expect(jobs);
  return perSecond(
    await lab.measure(part, noop.child, jobs, async () => {
      await load.resume(noop.queue);
      return noop.worker.arrived();
    }),
  );
}

/** From the first to the last, so that waking up does not count. */
function perSecond({ count, firstAt, lastAt }: Arrived): number {
  return ((count - 1) * 1_000) / (lastAt - firstAt);
}
