import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../src/embedded-postgres/ports.js';
import type { Lab } from '../lab.js';
import { format, type Row } from '../report.js';
import { startNginx } from '../servers/nginx.js';
import type { Target } from '../servers/target.js';

const PROCESSES = 3;
/** Nothing is wrong before the deploy, and after it. */
const CALM_MS = 2_000;
/** Of a second beside the others; clients may return to two processes in it. */
const MOST_A_SECOND = 500;

/** (deploy) Processes behind nginx are replaced one after the other, while clients are connected and somebody publishes. */
export async function deploy(lab: Lab): Promise<Row[]> {
  const { clients, perSecond } = lab.options.sizes.deploy;
  const backend = lab.backends[0]!;
  const ports: number[] = [];
  while (ports.length < PROCESSES) ports.push(await freePort());
  const start = (port: number): Promise<Target> =>
    lab.tidings(backend, { delivery: 'direct', processes: 1, ports: [port] });
  const running: Target[] = [];
  // One after the other: the first one migrates.
  for (const port of ports) running.push(await start(port));
  const nginx = await startNginx(ports);
  try {
    const users = Array.from({ length: clients }, (_, index) => `deployed-${index}`);
    const { heads } = await running[0]!.streams(users);
    await lab.load.beginReturning({
      port: nginx.port,
      heads: heads.map((head) => head.replace('HTTP/1.1', 'HTTP/1.0')),
      users,
      publishing: running[0]!.publishing,
      perSecond,
    });
    await delay(CALM_MS);
    const begunAt = performance.now();
    for (const [nth, port] of ports.entries()) {
      await lab.stop(running[nth]!.child);
      running[nth] = await start(port);
    }
    const tookMs = performance.now() - begunAt;
    await delay(CALM_MS);
    const seen = await lab.load.endReturning();
    console.log(
      `  ${PROCESSES} processes replaced within ${format(tookMs / 1_000)} s: ${seen.reconnects} reconnects of ${clients} clients, ` +
        `without a stream for ${format(seen.medianSilenceMs / 1_000)} s (median); ${seen.refused} answers to a POST were not 202`,
    );
    const row = (parts: Omit<Row, 'part'>): Row => ({ part: 'deploy', ...parts });
    return [
      row({
        what: 'longest time of a client without a stream',
        unit: 's',
        tidings: seen.longestSilenceMs / 1_000,
        against: 'the longest delay that one was told',
        baseline: seen.longestDelayMs / 1_000,
        target: null,
      }),
      row({
        what: 'median of the times without a stream',
        unit: 's',
        tidings: seen.medianSilenceMs / 1_000,
        against: 'the longest delay that one was told',
        baseline: seen.longestDelayMs / 1_000,
        target: null,
      }),
      row({
        what: `reconnects in the busiest second, of ${seen.reconnects}`,
        unit: 'clients',
        tidings: seen.mostInASecond,
        against: 'that one process may send away',
        baseline: MOST_A_SECOND,
        target: { atMost: 2 },
      }),
      row({
        what: 'accepted notifications that were received',
        unit: 'entries',
        tidings: seen.received,
        against: 'accepted meanwhile',
        baseline: seen.accepted,
        target: { atLeast: 1 },
      }),
      row({
        what: 'received twice',
        unit: 'entries',
        tidings: seen.twice,
        against: 'accepted meanwhile',
        baseline: seen.accepted,
        target: { atMost: 0 },
      }),
    ];
  } finally {
    await nginx.stop();
    await lab.stop(...running.map(({ child }) => child));
  }
}
