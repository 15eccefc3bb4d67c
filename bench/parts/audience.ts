import pg from 'pg';
import { audiencesOf } from '../../src/contract/model/audience.js';
import { NO_METRICS } from '../../src/contract/ports/metrics.js';
import { LogDatabase } from '../../src/log/database/database.js';
import { PostgresFeedReader } from '../../src/log/read/feed-reader.js';
import { processorUs } from '../cpu.js';
import { WARM_UP, type Lab } from '../lab.js';
import { format, median, type Row } from '../report.js';
import type { Target } from '../servers/target.js';

const OPENINGS_A_TURN = 100;

/** The work that Postgres has done so far, and the entries that there are. */
interface Work {
  /** Blocks looked at, in memory or on the disk. */
  readonly blocks: number;
  readonly walBytes: number;
  readonly rows: number;
}

/** (audience) One announcement to everybody, beside `notifyMany` to a list of them; and what feeds pay that have nothing to take. */
export async function audience(lab: Lab): Promise<Row[]> {
  const { feeds, connected, listed, storm } = lab.options.sizes.audience;
  const backend = lab.backends[0]!;
  const [one, two] = [await lab.tidings(backend), await lab.tidings(backend)];
  const client = new pg.Client(lab.ground.databaseUrl);
  await client.connect();
  try {
    const members = Array.from({ length: feeds }, (_, index) => `member-${index}`);
    await client.query(
      `INSERT INTO tidings.feed (tenant, recipient) SELECT '', 'member-' || n FROM generate_series(0, $1::int - 1) n`,
      [feeds],
    );
    await client.query('VACUUM ANALYZE tidings.feed');

    const unseen = await workOf(client, () => lab.load.announce(one.publishing, {}));
    console.log(`  announced to ${feeds} feeds, nobody looks: ${unseen.rows} row, ${unseen.blocks} blocks`);

    // Over two instances: each has half of the streams.
    const groups = new Map<string, { target: Target; users: string[] }>([
      ['one', { target: one, users: members.slice(0, connected / 2) }],
      ['two', { target: two, users: members.slice(connected / 2, connected) }],
    ]);
    for (const [group, { target, users }] of groups) {
      await lab.load.addStreams(group, await target.streams(users));
      await lab.load.openStreams(group, false);
    }
    const expected = Object.fromEntries([...groups].map(([group, { users }]) => [group, users.length]));
    await lab.load.announce(one.publishing, expected);
    let delays: number[] = [];
    const taken = await workOf(client, () =>
      lab.measure('audience', named(one, 'an announcement'), connected, async () => {
        delays = await lab.load.announce(two.publishing, expected);
      }),
    );
    const [p50, last] = [delays[Math.floor(delays.length / 2)] ?? NaN, delays.at(-1) ?? NaN];
    console.log(`  ${delays.length} connected have it: p50 ${format(p50)} ms, last ${format(last)} ms`);
    for (const group of groups.keys()) await lab.load.closeStreams(group);

    const list = members.slice(feeds - listed);
    const many = await workOf(client, () =>
      lab.measure('audience', named(one, 'notifyMany'), listed, async () => {
        for (let start = 0; start < listed; start += 1_000)
          await lab.load.fanOut(one.queue!, list.slice(start, start + 1_000), 1);
      }),
    );
    const toAll = feeds / listed;

    return [
      row(
        'rows written before anybody looks',
        'rows',
        unseen.rows,
        'notifyMany to the same',
        many.rows * toAll,
      ),
      row(
        'blocks of Postgres, until all connected have it',
        'blocks',
        taken.blocks,
        'notifyMany to all',
        many.blocks * toAll,
      ),
      row(
        'WAL, until all connected have it',
        'bytes',
        taken.walBytes,
        'notifyMany to all',
        many.walBytes * toAll,
      ),
      row(`from publishing to ${connected} connected, p50`, 'ms', p50, 'the last of them', last),
      ...(await opening(lab)),
      ...(await reconnectStorm(lab, one, members.slice(connected, connected + storm))),
    ];
  } finally {
    await client.end();
    await lab.stop(one.child, two.child);
  }
}

/** CPU time and duration of an opening with nothing to take, beside one without audiences; in turns, on one connection. */
async function opening(lab: Lab): Promise<Row[]> {
  const url = lab.ground.databaseUrl;
  const database = await LogDatabase.connect({ url, poolSize: 1, queryTimeoutMs: 60_000 });
  try {
    const reader = new PostgresFeedReader(database, NO_METRICS);
    const [backend] = await database.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    let next = 0;
    const turn = async (audiences?: readonly string[]): Promise<{ cpu: number; ms: number }> => {
      const before = { cpu: processorUs(backend!.pid), at: performance.now() };
      const own = process.cpuUsage();
      for (let each = 0; each < OPENINGS_A_TURN; each += 1) {
        // Those that have been connected: they have taken everything.
        const recipient = `member-${next++ % lab.options.sizes.audience.connected}`;
        const { pending } = await reader.open({ tenant: '', recipient }, audiences);
        if (pending) throw new Error(`${recipient} has something to take`);
      }
      const { user, system } = process.cpuUsage(own);
      return {
        cpu: (processorUs(backend!.pid) - before.cpu + user + system) / OPENINGS_A_TURN,
        ms: (performance.now() - before.at) / OPENINGS_A_TURN,
      };
    };
    const turns = { with: [] as { cpu: number; ms: number }[], without: [] as { cpu: number; ms: number }[] };
    for (let round = 0; round <= lab.options.sizes.audience.openings; round += 1) {
      const [having, lacking] = [await turn(audiencesOf([])), await turn()];
      if (round === 0) continue;
      turns.with.push(having);
      turns.without.push(lacking);
    }
    const of = (what: 'cpu' | 'ms', kind: keyof typeof turns): number =>
      median(turns[kind].map((each) => each[what]));
    const against = 'without audiences';
    return [
      row(
        'opening a feed, nothing to take: CPU',
        'us',
        of('cpu', 'with'),
        against,
        of('cpu', 'without'),
        1.1,
      ),
      row('opening a feed, nothing to take: time', 'ms', of('ms', 'with'), against, of('ms', 'without'), 1.1),
    ];
  } finally {
    await database.close();
  }
}

/** All come back at once, with one announcement pending, beside the same without. */
async function reconnectStorm(lab: Lab, target: Target, users: string[]): Promise<Row[]> {
  const { load } = lab;
  const group = 'storm';
  await load.addStreams(group, await target.streams(users));
  await load.openStreams(group, false);
  await load.closeStreams(group);
  const seconds = { with: [] as number[], without: [] as number[] };
  for (let round = 0; round <= 3; round += 1) {
    const name = round === 0 ? WARM_UP : 'audience';
    seconds.without.push(
      await lab.measure(name, named(target, 'a storm without'), users.length, async () => {
        const begunAt = await load.openStreams(group, true);
        return (performance.timeOrigin + performance.now() - begunAt) / 1_000;
      }),
    );
    await load.closeStreams(group);
    await load.announce(target.publishing, {});
    await load.expect(group, users.length);
    seconds.with.push(
      await lab.measure(name, named(target, 'a storm with one pending'), users.length, async () => {
        const begunAt = await load.openStreams(group, true);
        const { lastAt } = await load.arrived(group);
        return (Math.max(lastAt, performance.timeOrigin + performance.now()) - begunAt) / 1_000;
      }),
    );
    await load.closeStreams(group);
  }
  const [having, lacking] = [median(seconds.with.slice(1)), median(seconds.without.slice(1))];
  return [row(`${users.length} reconnect, one announcement pending`, 's', having, 'none pending', lacking)];
}

async function workOf(client: pg.Client, run: () => Promise<unknown>): Promise<Work> {
  const before = await workSoFar(client);
  await run();
  const after = await workSoFar(client);
  return {
    blocks: after.blocks - before.blocks,
    walBytes: after.walBytes - before.walBytes,
    rows: after.rows - before.rows,
  };
}

async function workSoFar(client: pg.Client): Promise<Work> {
  // Other sessions report their counts once they have been idle for 10 s (PGSTAT_IDLE_INTERVAL).
  await new Promise((resolve) => setTimeout(resolve, 11_000));
  await client.query('SELECT pg_stat_clear_snapshot()');
  const { rows } = await client.query<Record<keyof Work, string>>(
    `SELECT (blks_hit + blks_read)::text AS blocks, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::text AS "walBytes",
            (SELECT count(*) FROM tidings.entry)::text AS rows
       FROM pg_stat_database WHERE datname = current_database()`,
  );
  const { blocks, walBytes, rows: entries } = rows[0]!;
  return { blocks: Number(blocks), walBytes: Number(walBytes), rows: Number(entries) };
}

function named({ child }: Target, what: string): Target['child'] {
  return Object.assign(Object.create(child) as Target['child'], { name: what });
}

function row(
  what: string,
  unit: string,
  tidings: number,
  against: string,
  baseline: number,
  atMost: number | null = null,
): Row {
  return {
    part: 'audience',
    what,
    unit,
    tidings,
    against,
    baseline,
    target: atMost === null ? null : { atMost },
  };
}
