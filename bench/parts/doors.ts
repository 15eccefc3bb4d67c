import { WARM_UP, type Backend, type Lab } from '../lab.js';
import type { Latency } from '../latencies.js';
import { median, type Row } from '../report.js';
import type { Deployment } from '../servers/tidings.js';
import type { Target } from '../servers/target.js';

/** As many requests under way as a service has from a handful of busy producers. */
const BURST_CONNECTIONS = 100;

const DEPLOYMENTS: readonly Deployment[] = [
  { delivery: 'direct', processes: 1 },
  { delivery: 'direct', processes: 4 },
  { delivery: 'queue', processes: 1 },
];

/** One server, started anew for each turn. */
interface Candidate {
  readonly name: string;
  readonly start: () => Promise<Target>;
  /** In a burst; fewer where the queue on Postgres needs its time. */
  readonly burst: number;
  /** `null`: a baseline. */
  readonly deployment: Deployment | null;
  readonly latencies: Latency[];
  readonly perSecond: number[];
}

/**
 * Published over HTTP: (b) in a burst, against plain Nest that keeps nothing; (c) the time from POST to frame at an even rate over many
 * streams, against bare `node:http` that keeps nothing. Each turn has fresh servers, one at a time, warmed up first.
 */
export async function doors(lab: Lab): Promise<Row[]> {
  const { rate, rounds } = lab.options.sizes;
  const bare = candidate('bare node:http', () => lab.baseline('bare-http'), rate.burst);
  const nest = candidate('plain Nest', () => lab.baseline('plain-nest'), rate.burst);
  const ours = lab.backends.flatMap((backend) =>
    DEPLOYMENTS.map((deployment) =>
      candidate(
        titleOf(backend, deployment),
        () => lab.tidings(backend, deployment),
        deployment.delivery === 'queue' && backend === 'postgres' ? rate.burst / 5 : rate.burst,
        deployment,
      ),
    ),
  );
  for (let round = 0; round < rounds; round++) for (const one of [bare, nest, ...ours]) await turn(lab, one);
  return ours.flatMap((one) => rowsOf(one, bare, nest, rate.perSecond));
}

function candidate(
  name: string,
  start: () => Promise<Target>,
  burst: number,
  deployment: Deployment | null = null,
): Candidate {
  return { name, start, burst, deployment, latencies: [], perSecond: [] };
}

async function turn(lab: Lab, { start, burst, latencies, perSecond }: Candidate): Promise<void> {
  const { load, options } = lab;
  const { rate } = options.sizes;
  const target = await start();
  const { name, child, publishing } = target;
  // Two services on one log would each bring what the other was given.
  const users = Array.from({ length: rate.streams }, (_, index) => `of-${child.pid}-${index}`);
  await load.addStreams(name, await target.streams(users));
  await load.openStreams(name, false);
  const publish = async (part: string, jobs: number): Promise<number> => {
    await load.expect(name, jobs);
    return lab.measure(part, child, jobs, async () => {
      await load.publish(publishing, users, jobs, BURST_CONNECTIONS);
      const { count, firstAt, lastAt } = await load.arrived(name);
      return ((count - 1) * 1_000) / (lastAt - firstAt);
    });
  };
  const evenly = (part: string, jobs: number): Promise<Latency> =>
    lab.measure(part, child, jobs, () =>
      load.latency(name, publishing, users, { perSecond: rate.perSecond, jobs }),
    );
  // Feeds are made, code is compiled, pools are filled.
  await publish(WARM_UP, rate.streams);
  await evenly(WARM_UP, rate.perSecond);
  latencies.push(await evenly('c', rate.jobs));
  perSecond.push(await publish('b', burst));
  await load.closeStreams(name);
  await lab.stop(child);
}

function rowsOf(own: Candidate, bare: Candidate, nest: Candidate, perSecond: number): Row[] {
  const made = ({ latencies }: Candidate, key: keyof Latency): number =>
    median(latencies.map((latency) => latency[key]));
  const arrived = made(own, 'perSecond');
  const kept = arrived < 0.95 * perSecond ? ` (only ${arrived.toFixed(0)}/s)` : '';
  const isDirect = own.deployment?.delivery === 'direct';
  const single = isDirect && own.deployment?.processes === 1;
  return [
    {
      part: 'b',
      what: `POST in a burst, ${own.name}`,
      unit: 'events/s',
      tidings: median(own.perSecond),
      against: 'plain Nest',
      baseline: median(nest.perSecond),
      target: single ? { atLeast: 0.8 } : null,
    },
    ...(['p50', 'p99'] as const).map((key): Row => ({
      part: 'c',
      what: `POST to frame, ${own.name}, ${key}${kept}`,
      unit: 'ms',
      tidings: made(own, key),
      against: 'bare node:http',
      baseline: made(bare, key),
      target: single ? { atMost: key === 'p50' ? 4 : 6 } : null,
    })),
  ];
}

function titleOf(backend: Backend, { delivery, processes }: Deployment): string {
  const on = backend === 'redis' ? 'Redis' : 'Postgres';
  if (delivery === 'queue') return `by the queue, ${on}`;
  return `directly, ${on}${processes > 1 ? `, ${processes} processes` : ''}`;
}
