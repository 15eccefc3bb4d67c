import type { Child } from '../child.js';
import { WARM_UP, type Backend, type Lab } from '../lab.js';
import type { Latency } from '../latencies.js';
import type { Rate } from '../load/producer.js';
import { median, type Row } from '../report.js';
import { startNoop } from '../servers/noop.js';
import type { Target } from '../servers/target.js';

const TARGET = { atMost: 6 };

/** A way of publishing that is timed. */
interface Candidate {
  readonly name: string;
  readonly by: 'http' | 'queue';
  readonly backend: Backend | null;
  readonly child: Child;
  readonly run: (rate: Rate) => Promise<Latency>;
  readonly results: Latency[];
}

/**
 * (c) From publishing to the frame, at an even rate over many streams, against bare `node:http` that keeps nothing. How long BullMQ alone
 * takes to hand a job to its worker is measured as well.
 */
export async function latency(lab: Lab): Promise<Row[]> {
  const { rate, rounds } = lab.options.sizes;
  const bare = await streaming(lab, await lab.baseline('bare-http'), null, 'http');
  const candidates = [bare];
  const pairs: { ours: Candidate; against: string; baseline: Candidate; target: Row['target'] }[] = [];
  for (const backend of lab.backends) {
    const tidings = await lab.tidings(backend);
    const byHttp = await streaming(lab, tidings, backend, 'http');
    const byQueue = await streaming(lab, tidings, backend, 'queue');
    const noop = await workerAlone(lab, backend);
    candidates.push(byHttp, byQueue, noop);
    for (const ours of [byHttp, byQueue]) {
      pairs.push({ ours, against: 'bare node:http, POST', baseline: bare, target: TARGET });
    }
    pairs.push({ ours: byQueue, against: 'worker doing nothing', baseline: noop, target: null });
  }

  for (let round = 0; round <= rounds; round++) {
    for (const { by, backend, child, run, results } of candidates) {
      const jobs = backend === 'postgres' ? rate.jobsOnPostgres : rate.jobs;
      // The first one warms up.
      const plan = { perSecond: rate.perSecond, jobs: round > 0 ? jobs : rate.perSecond * 2 };
      const part = round > 0 ? `c, ${by}` : WARM_UP;
      const result = await lab.measure(part, child, plan.jobs, () => run(plan));
      if (round > 0) results.push(result);
    }
  }
  const children = [...new Set(candidates.map(({ child }) => child))];
  for (const { name } of children) await lab.load.closeStreams(name);
  await lab.stop(...children);

  const made = ({ results }: Candidate, key: keyof Latency): number =>
    median(results.map((result) => result[key]));
  return pairs.flatMap(({ ours, against, baseline, target }) => {
    const perSecond = made(ours, 'perSecond');
    const kept = perSecond < 0.95 * rate.perSecond ? ` (only ${perSecond.toFixed(0)}/s)` : '';
    return (['p50', 'p99'] as const).map((key): Row => ({
      part: 'c',
      what: `${ours.name}, ${key}${kept}`,
      unit: 'ms',
      tidings: made(ours, key),
      against,
      baseline: made(baseline, key),
      target,
    }));
  });
}

async function streaming(
  lab: Lab,
  target: Target,
  backend: Backend | null,
  by: 'http' | 'queue',
): Promise<Candidate> {
  const { load, options } = lab;
  const { name, child } = target;
  // Two services on one log would each bring what the other was given.
  const users = Array.from({ length: options.sizes.rate.streams }, (_, index) => `of-${child.pid}-${index}`);
  if (by === 'http') {
    await load.addStreams(name, await target.streams(users));
    await load.openStreams(name, false);
  }
  const to = by === 'queue' && target.queue ? target.queue : target.publishing;
  const way = by === 'http' ? 'POST' : 'queue.add';
  return {
    name: `${way} to frame, ${backend === 'redis' ? 'Redis' : 'Postgres'}`,
    by,
    backend,
    child,
    run: (rate) => load.latency(name, to, users, rate),
    results: [],
  };
}

async function workerAlone(lab: Lab, backend: Backend): Promise<Candidate> {
  const { child, queue, worker } = await startNoop(lab, backend);
  return {
    name: child.name,
    by: 'queue',
    backend,
    child,
    run: async (rate) => {
      await worker.expect(rate.jobs);
      await lab.load.addStamped(queue, ['nobody'], rate);
      return worker.latency();
    },
    results: [],
  };
}
