import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startPostgres, type PrivatePostgres } from '../../support/postgres.js';
import { eventually } from '../../support/eventually.js';
import { notification, openLog, type Log } from '../open-log.js';

describe('a restored database', () => {
  let server: PrivatePostgres;
  const feed = { tenant: '', recipient: 'ada' };

  beforeAll(async () => {
    server = await startPostgres();
  });

  afterAll(async () => {
    await server.stop('immediate');
  });

  const epochOf = (log: Log) =>
    eventually(async () => (await log.reader.open(feed)).epoch, { timeoutMs: 20_000 });

  it('gets new epochs before anything is appended, when a copy of its files is put back under a running process', async () => {
    const log = await openLog(server.url);
    const [first] = await log.append([notification('ada')]);
    await server.stop();
    const copy = await server.copy();
    await server.start();
    const lost = await eventually(() => log.append([notification('ada')]), { timeoutMs: 20_000 });
    expect(lost[0]).toMatchObject({ seq: 2, epoch: first!.epoch });
    await server.stop();
    await server.restore(copy);
    await server.start();
    const [after] = await eventually(() => log.append([notification('ada')]), { timeoutMs: 20_000 });
    expect(after!.seq).toBe(2);
    expect(after!.epoch).not.toBe(first!.epoch);
    await log.close();
  });

  it('gets new epochs again when the copy is put back once more, and the epochs that it had got are lost', async () => {
    const log = await openLog(server.url);
    const [first] = await log.append([notification('grace')]);
    await server.stop();
    const copy = await server.copy();
    await server.start();
    await eventually(() => log.append([notification('grace')]), { timeoutMs: 20_000 });
    const epochs = [first!.epoch];
    for (let times = 0; times < 3; times += 1) {
      await server.stop();
      await server.restore(copy);
      await server.start();
      const [after] = await eventually(() => log.append([notification('grace')]), { timeoutMs: 20_000 });
      expect(after!.seq).toBe(2);
      expect(epochs).not.toContain(after!.epoch);
      epochs.push(after!.epoch);
    }
    await log.close();
  }, 90_000);

  it('keeps its epochs over a restart and a crash', async () => {
    const log = await openLog(server.url);
    const before = await epochOf(log);
    await log.append([notification('ada')]);
    await server.restart();
    expect(await epochOf(log)).toBe(before);
    await server.restart('immediate');
    expect(await epochOf(log)).toBe(before);
    await log.close();
  });

  it('gets new epochs at the next start in another cluster, or on another timeline, and only once', async () => {
    const log = await openLog(server.url);
    const before = await epochOf(log);
    const pool = log.database.pool;
    await pool.query(`UPDATE tidings.installation SET system_identifier = '1'`);
    const [one, two] = await Promise.all([openLog(server.url), openLog(server.url)]);
    const moved = await epochOf(one);
    expect(moved).not.toBe(before);
    expect(await epochOf(two)).toBe(moved);
    await Promise.all([one.close(), two.close()]);

    await pool.query(`UPDATE tidings.installation SET timeline = timeline + 1`);
    const three = await openLog(server.url);
    const recovered = await epochOf(three);
    expect(recovered).not.toBe(moved);
    await three.close();
    const four = await openLog(server.url);
    expect(await epochOf(four)).toBe(recovered);
    await four.close();
    await log.close();
  });

  it('is not reported by mistake while many connections open and the write-ahead log moves', async () => {
    const [log, writer] = await Promise.all([openLog(server.url), openLog(server.url)]);
    const before = await epochOf(log);
    let writing = true;
    const writes = (async () => {
      while (writing) await writer.append([notification('writer')]);
    })();
    const { pool } = log.database;
    for (let round = 0; round < 20; round += 1) {
      const clients = await Promise.all(Array.from({ length: 5 }, () => pool.connect()));
      // Their next ones are new.
      for (const client of clients) client.release(true);
    }
    writing = false;
    await writes;
    expect(await epochOf(log)).toBe(before);
    await Promise.all([log.close(), writer.close()]);
  });

  it('is handled once, however many processes have lost their last commit and connections', async () => {
    const logs = await Promise.all([openLog(server.url), openLog(server.url)]);
    for (const log of logs) await log.append([notification('ada')]);
    await logs[0].database.pool.query('DELETE FROM tidings.dedupe_key');
    const epochs = new Set<string>();
    for (let round = 0; round < 3; round += 1) {
      for (const { database } of logs) {
        const clients = await Promise.all([database.pool.connect(), database.pool.connect()]);
        for (const client of clients) client.release(true);
        epochs.add(await epochOf(logs[0]));
      }
    }
    expect(epochs.size).toBe(1);
    await Promise.all(logs.map((log) => log.close()));
  });
});
