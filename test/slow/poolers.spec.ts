import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { doctorCommand } from '../../src/cli/doctor.js';
import { migrateCommand } from '../../src/cli/migrate.js';
import { House, numbered, task, untilTasks, type Backend, type Instance } from '../guarantees/house.js';
import { startPgBouncer, type PgBouncer } from '../support/pgbouncer.js';
import { createTestDatabase, type TestDatabase } from '../support/postgres.js';
import { describeWith } from '../support/tools.js';

/** Long enough that only the bus can be what brings an entry. */
const stream = { headCheckMs: 120_000 };

function suite(backend: Backend): void {
  let database: TestDatabase;
  let pooler: PgBouncer;
  let house: House;
  let one: Instance;
  let other: Instance;
  /** What a deployment sets: on Postgres alone, the queue and LISTEN need the address without the pooler. */
  let addresses: { url: string; directUrl?: string };

  beforeAll(async () => {
    database = await createTestDatabase();
    pooler = await startPgBouncer(database.url);
    house = await House.open(backend);
    addresses = { url: pooler.url, ...(backend === 'Postgres' && { directUrl: database.url }) };
  }, 60_000);
  afterAll(async () => {
    await house?.close();
    await pooler?.stop();
    await database?.drop();
  });

  const flags = (): Record<string, string> => ({
    'database-url': addresses.url,
    ...(addresses.directUrl && { 'database-direct-url': addresses.directUrl }),
    ...(house.redis && { 'redis-url': house.redis.url }),
  });
  const doctor = async (given: Record<string, string>): Promise<string[]> => {
    const lines: string[] = [];
    await doctorCommand(given, [], (line) => lines.push(line)).catch(() => {});
    return lines;
  };
  const faults = (lines: readonly string[]): string[] => lines.filter((line) => line.startsWith('FAULT'));

  it('migrates, and its instances start', async () => {
    const lines: string[] = [];
    await migrateCommand(flags(), [], (line) => lines.push(line));
    expect(lines.join()).toContain('up to date');
    one = await house.start({ database: addresses, stream });
    other = await house.start({ database: addresses, stream });
  }, 60_000);

  it('delivers by each door, to a stream of another instance, in the order of the log', async () => {
    const client = await other.stream('ada');
    const direct = numbered(40, 'direct-');
    const answers = await Promise.all(
      direct.map((id) => one.publish({ type: 'task-completed', to: 'ada', data: task(id) })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    const queued = { type: 'task-completed', to: 'ada', deliverAt: new Date(Date.now() + 300).toISOString() };
    await one.publish({ ...queued, data: task('queued') });
    const pg = await import('pg');
    const plain = new pg.default.Client(pooler.url);
    await plain.connect();
    await plain.query(
      `INSERT INTO tidings.outbox (type, recipients, data) VALUES ('task-completed', '{ada}', $1::json)`,
      [JSON.stringify(task('outbox'))],
    );
    await plain.end();
    const received = await untilTasks(client, 42);
    expect(received.toSorted()).toEqual([...direct, 'outbox', 'queued'].toSorted());
    await client.close();
    // From the log, without the bus.
    const again = await other.stream('ada', { after: '0' });
    expect(await untilTasks(again, 42)).toEqual(received);
  }, 60_000);

  it('finds no fault', async () => {
    const lines = await doctor(flags());
    expect([faults(lines), lines.filter((line) => /^ok {5}(Postgres|tables|canary)/.test(line))]).toEqual([
      [],
      [expect.anything(), expect.anything(), expect.anything()],
    ]);
  }, 60_000);

  if (backend === 'Redis') return;

  it('names the setting that is missing without the address of Postgres itself', async () => {
    const lines = faults(await doctor({ 'database-url': pooler.url }));
    expect(lines).toEqual([
      expect.stringMatching(/^FAULT {2}queue: a pooler refuses .*set DATABASE_DIRECT_URL/),
      expect.stringMatching(/^FAULT {2}LISTEN: .*set DATABASE_DIRECT_URL/),
    ]);
    const elsewhere = await doctor({ 'database-url': pooler.url, 'database-direct-url': house.databaseUrl });
    expect(faults(elsewhere)).toEqual([expect.stringMatching(/^FAULT {2}LISTEN: .*two databases/)]);
  }, 60_000);
}

describeWith('pgbouncer', 'behind PgBouncer in transaction mode, with Redis', () => suite('Redis'));
describeWith('pgbouncer', 'behind PgBouncer in transaction mode, on Postgres alone', () => suite('Postgres'));
