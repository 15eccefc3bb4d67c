import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout as delay } from 'node:timers/promises';
import { Deployment, PRODUCER_KEY } from '../support/deployment.js';
import { followInNode, type FollowedFeed } from '../support/event-source.js';
import { eventually } from '../support/eventually.js';
import { startPostgres, type PrivatePostgres } from '../support/postgres.js';
import { buildService, killServices, type ServiceProcess } from '../support/service.js';
import { asSuperuser, requireStandby } from '../support/standby.js';
import { TcpProxy } from '../support/tcp-proxy.js';

const PATIENT = { timeoutMs: 90_000 };
const PAUSE_MS = 50;

describe('A deployment whose Postgres fails over to a synchronous standby', () => {
  let primary: PrivatePostgres;
  let standby: PrivatePostgres;
  /** Leads to the primary, as a virtual IP or a name does. */
  let address: TcpProxy;
  let deployment: Deployment;
  let api: ServiceProcess;
  let worker: ServiceProcess;
  let feed: FollowedFeed;

  beforeAll(async () => {
    await buildService();
    primary = await startPostgres();
    address = await TcpProxy.start(primary.port);
    standby = await primary.startStandby();
    await requireStandby(primary);
    const url = new URL(primary.url);
    url.port = String(address.port);
    deployment = await Deployment.open('postgres', { url: url.href, drop: () => Promise.resolve() });
    const env = { RETENTION_MAX_ENTRIES: 'off' };
    worker = await deployment.start({ TIDINGS_ROLES: 'worker', ...env });
    api = await deployment.start({ TIDINGS_ROLES: 'api', ...env });
    feed = followInNode(api.origin, await deployment.token('ada'));
    await eventually(async () => (await feed.log()).control.includes('feed.ready'), PATIENT);
  }, 300_000);

  afterAll(async () => {
    await feed?.close();
    await killServices();
    await deployment?.close();
    await address?.close();
    await Promise.all([primary?.stop('immediate'), standby?.stop('immediate')]);
  });

  const refusals: number[] = [];

  /** Publishes a task, again under the same key until it is accepted. */
  async function publish(taskId: string, extra: object = {}): Promise<void> {
    const body = { type: 'task-completed', to: 'ada', ...extra };
    for (;;) {
      const { status } = await fetch(`${api.origin}/v1/notifications`, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          'X-API-Key': PRODUCER_KEY,
          'Idempotency-Key': taskId,
        },
        body: JSON.stringify({ ...body, data: { taskId, title: 'Failover', status: 'succeeded' } }),
      });
      if (status === 202) return;
      refusals.push(status);
      await delay(PAUSE_MS);
    }
  }

  it('recovers by itself: nothing accepted is missing, cursors continue, and clients see no gap', async () => {
    const accepted: string[] = [];
    let stopped = false;
    const producing = (async () => {
      for (let i = 0; !stopped; i += 1) {
        const taskId = String(i);
        await publish(taskId);
        accepted.push(taskId);
        await delay(PAUSE_MS);
      }
    })();
    // If the test fails before it waits for this, that is what counts.
    producing.catch(() => {});
    const received = async (): Promise<string[]> => (await feed.log()).received.map(({ taskId }) => taskId);
    await eventually(async () => (await received()).length >= 10, PATIENT);

    const deliverAt = new Date(Date.now() + 3_000).toISOString();
    await publish('waiting', { deliverAt });
    await primary.stop('immediate');
    await eventually(() => refusals.length > 0, PATIENT);
    await standby.promote();
    address.target = standby.port;
    const before = accepted.length;
    await eventually(() => accepted.length >= before + 10, PATIENT);
    await eventually(async () => (await received()).includes('waiting'), PATIENT);
    // Until its first checkpoint the control file of the new primary has the former timeline.
    await asSuperuser(standby, (client) => client.query('CHECKPOINT'));
    const since = accepted.length;
    await eventually(() => accepted.length >= since + 10, PATIENT);
    stopped = true;
    await producing;

    const expected = [...accepted, 'waiting'].sort();
    await eventually(async () => expect((await received()).sort()).toEqual(expected), PATIENT);
    const { received: entries, control } = await feed.log();
    const cursors = entries.map(({ id }) => id.split('-') as [string, string]);
    expect(new Set(cursors.map(([epoch]) => epoch)).size).toBe(1);
    const first = Number(cursors[0]![1]);
    expect(cursors.map(([, seq]) => Number(seq))).toEqual(cursors.map((_, nth) => first + nth));
    expect(control.filter((frame) => !['feed.ready', 'feed.closing:unavailable'].includes(frame))).toEqual(
      [],
    );
    expect(new Set(refusals)).toEqual(new Set([503]));
    for (const { child, stdout, stderr } of [api, worker]) {
      expect(child.exitCode).toBeNull();
      expect(stdout).toContain('A standby of the database has taken over');
      expect(stdout + stderr).not.toContain('appears to have been restored');
    }
  }, 400_000);
});
