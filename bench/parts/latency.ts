import type { Lab } from '../lab.js';
import type { Latency } from '../load/streams.js';
import { median, type Row } from '../report.js';
import type { Target } from '../servers/target.js';

const TARGET = { atMost: 6 };

/** A way of publishing that is timed. */
interface Candidate {
  readonly name: string;
  readonly target: Target;
  readonly by: 'http' | 'queue';
  readonly results: Latency[];
}

/** (c) From publishing to the frame, at an even rate over many streams, against bare `node:http` that keeps nothing. */
export async function latency(lab: Lab): Promise<Row[]> {
  const { rate, rounds } = lab.options.sizes;
  const bare = await lab.baseline('bare-http');
  const candidates: Candidate[] = [{ name: 'bare', target: bare, by: 'http', results: [] }];
  for (const backend of lab.backends) {
    const target = await lab.tidings(backend);
    const on = backend === 'redis' ? 'Redis' : 'Postgres';
    candidates.push({ name: `POST to frame, ${on}`, target, by: 'http', results: [] });
    candidates.push({ name: `queue.add to frame, ${on}`, target, by: 'queue', results: [] });
  }
  const targets = [...new Set(candidates.map(({ target }) => target))];
  const users = Array.from({ length: rate.streams }, (_, index) => `steady-${index}`);
  for (const target of targets) {
    // Two services on one log would each bring what the other was given.
    const own = users.map((user) => `${user}-of-${target.child.pid}`);
    await lab.load.addStreams(target.name, await target.streams(own));
    await lab.load.openStreams(target.name, false);
  }
  for (let round = 0; round <= rounds; round++) {
    for (const candidate of candidates) {
      const { target, by, results } = candidate;
      const own = users.map((user) => `${user}-of-${target.child.pid}`);
      const to = by === 'queue' && target.queue ? target.queue : target.publishing;
      // The first one warms up.
      const jobs = target.queue?.backend === 'postgres' ? rate.jobsOnPostgres : rate.jobs;
      const plan = { perSecond: rate.perSecond, jobs: round > 0 ? jobs : rate.perSecond * 2 };
      const part = round > 0 ? `c, ${by}` : 'warm-up';
      const result = await lab.measure(part, target.child, plan.jobs, () =>
        lab.load.latency(target.name, to, own, plan),
      );
      if (round > 0) results.push(result);
    }
  }
  for (const target of targets) await lab.load.closeStreams(target.name);
  await lab.stop(...targets.map(({ child }) => child));

  const [baseline, ...ours] = candidates;
  const keepsUp = (made: number): string =>
    made < 0.95 * rate.perSecond ? ` (only ${made.toFixed(0)}/s)` : '';
  const at = (candidate: Candidate | undefined, key: keyof Latency): number =>
    median(candidate?.results.map((result) => result[key]) ?? []);
  return ours.flatMap((candidate) =>
    (['p50', 'p99'] as const).map((key): Row => ({
      part: 'c',
      what: `${candidate.name}, ${key}${keepsUp(at(candidate, 'perSecond'))}`,
      unit: 'ms',
      tidings: at(candidate, key),
      against: 'bare node:http, POST',
      baseline: at(baseline, key),
      target: TARGET,
    })),
  );
}
