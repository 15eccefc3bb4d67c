/**
 * `npm run bench`: Tidings beside what it stands on and what one would write instead, on this machine. Prints ratios next to their
 * targets. docs/performance.md says what is measured and how.
 */
import { cpus, loadavg, release, totalmem } from 'node:os';
import { writeSections, type Section } from './document.js';
import { Lab } from './lab.js';
import { readOptions, type Options } from './options.js';
import { append } from './parts/append.js';
import { audience } from './parts/audience.js';
import { deploy } from './parts/deploy.js';
import { doors } from './parts/doors.js';
import { memory } from './parts/memory.js';
import { reconnect } from './parts/reconnect.js';
import { retention } from './parts/retention.js';
import { throughput } from './parts/throughput.js';
import { traces } from './parts/traces.js';
import { isMet, table, type Row } from './report.js';

/** Beside the sockets: modules, pools, pipes. */
const OTHER_FILES = 300;

const when = new Date().toISOString().slice(0, 10);
const options = readOptions(process.argv.slice(2));
assertFiles(options);
console.log(machine());

const lab = await Lab.open(options);
// Ctrl-C: Postgres is a server of its own and would stay.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => void lab.close().finally(() => process.exit(1)));
}
try {
  const { ground } = lab;
  console.log(`8 KiB are on the disk (fdatasync) after ${ground.syncMs.toFixed(2)} ms`);
  if (ground.redisUrl === null) console.log('redis-server is not installed: everything on Redis is SKIPPED');
  if (options.quick)
    console.log('--quick: small numbers, one round. Says that everything runs, not how fast it is.');
  if (options.profileDir !== null)
    console.log('--profile: recording takes its share, the rates are lower than they are.');

  const rows = await run(lab);
  console.log(`\n${table(rows)}\n\n${lab.costTable()}\n`);
  const short = rows.filter((row) => !isMet(row)).length;
  const aimed = rows.filter((row) => row.target !== null).length;
  console.log(`${aimed - short} of ${aimed} targets met, ${short} short`);
  if (options.write) await writeSections(sectionsOf(lab, rows));
} finally {
  await lab.close();
}

async function run(lab: Lab): Promise<Row[]> {
  const { parts } = lab.options;
  const rows: Row[] = [];
  const add = async (name: string, measure: (lab: Lab) => Promise<Row[]>): Promise<void> => {
    console.log(`${new Date().toISOString()} ${name}, load ${loadavg()[0]?.toFixed(1)}`);
    rows.push(...(await measure(lab)));
  };
  if (parts.includes('a')) await add('throughput', throughput);
  if (parts.includes('b') || parts.includes('c')) await add('doors', doors);
  if (parts.includes('d')) await add('memory', memory);
  if (parts.includes('e')) await add('reconnect', reconnect);
  if (parts.includes('f')) await add('append', append);
  if (parts.includes('retention')) await add('retention', retention);
  if (parts.includes('audience')) await add('audience', audience);
  if (parts.includes('deploy')) await add('deploy', deploy);
  if (parts.includes('traces')) await add('traces', traces);
  return rows.sort((a, b) => a.part.localeCompare(b.part));
}

/** What docs/performance.md says of each part. */
function sectionsOf(lab: Lab, rows: readonly Row[]): Section[] {
  return [...new Set(rows.map(({ part }) => part))].map((part) => {
    const own = rows.filter((row) => row.part === part);
    return { part, text: `${when}. ${machine()}.\n\n${table(own)}\n\n${lab.costTable([part])}`.trimEnd() };
  });
}

function machine(): string {
  const [cpu] = cpus();
  return [
    `Node ${process.version}, ${process.platform} ${release()}`,
    `${cpus().length} x ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, load ${loadavg()[0]?.toFixed(1)}`,
  ].join('; ');
}

/** Node raises its own limit as far as it may. */
function assertFiles({ parts, sizes }: Options): void {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } };
  const limit = Number(report.userLimits?.open_files?.soft ?? Infinity);
  const streams = Math.max(
    parts.includes('d') ? sizes.idleStreams * 1.1 : 0,
    sizes.rate.streams,
    sizes.reconnect.streams,
    parts.includes('audience') ? sizes.audience.connected : 0,
    parts.includes('deploy') ? sizes.deploy.clients : 0,
  );
  if (limit >= streams + OTHER_FILES) return;
  console.error(
    `This takes ${streams + OTHER_FILES} open files, allowed are ${limit}: raise it with ulimit -n.`,
  );
  process.exit(1);
}
