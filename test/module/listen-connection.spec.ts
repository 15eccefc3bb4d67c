import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { House, onBothBackends, task, untilTasks, type Instance } from '../guarantees/house.js';
import { eventually } from '../support/eventually.js';
import type { SseClient } from '../support/sse-client.js';

/** The relay polls every 1.6 s at the soonest: it would take longer than this for so many rows, one after another. */
const ROWS = 5;
const FASTER_THAN_POLLING_MS = (ROWS - 1) * 1_600;

onBothBackends('The LISTEN connection', (backend) => {
  let house: House;
  let api: Instance;
  let worker: Instance;
  let client: SseClient;
  let delivered = 0;

  beforeAll(async () => {
    house = await House.open(backend);
    // Only the bus tells the API of what the worker appends.
    api = await house.start({ roles: ['api'], stream: { headCheckMs: 600_000 } });
    client = await api.stream('ada');
  }, 60_000);

  afterAll(() => house?.close(), 30_000);

  /** All named connections that are not of the log's pool (`tidings`), whatever each listens to. */
  async function connections(): Promise<number[]> {
    const rows = await house.sql<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'tidings %'`,
    );
    return rows.map(({ pid }) => pid);
  }

  /** From the outbox over the worker and the bus to a stream of the other process. */
  async function expectPromptDelivery(): Promise<void> {
    const startedAt = Date.now();
    for (let row = 0; row < ROWS; row += 1) {
      await house.sql(
        `INSERT INTO tidings.outbox (type, recipients, data) VALUES ('task-completed', ARRAY['ada'], $1)`,
        [task(String(delivered))],
      );
      await untilTasks(client, (delivered += 1));
    }
    expect(Date.now() - startedAt).toBeLessThan(FASTER_THAN_POLLING_MS);
  }

  const ofApi = backend === 'Postgres' ? 1 : 0;

  it(`is ${ofApi === 1 ? 'one' : 'none'} in an API process`, async () => {
    expect(await connections()).toHaveLength(ofApi);
  });

  it('is one in a worker, whatever listens', async () => {
    worker = await house.start({ roles: ['worker'] });
    await expectPromptDelivery();
    expect(await connections()).toHaveLength(ofApi + 1);
  }, 30_000);

  it('comes back with all its channels after it is terminated', async () => {
    const before = await connections();
    await house.sql('SELECT pg_terminate_backend(pid, 5000) FROM unnest($1::int[]) AS pid', [before]);
    await eventually(async () => {
      const after = await connections();
      expect(after).toHaveLength(ofApi + 1);
      expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    });
    await expectPromptDelivery();
  }, 30_000);

  it('is closed with its process', async () => {
    await worker.close();
    await eventually(async () => expect(await connections()).toHaveLength(ofApi));
    await api.close();
    await eventually(async () => expect(await connections()).toEqual([]));
  }, 30_000);
});
