import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { Deployment, PRODUCER_KEY } from '../../support/deployment.js';
import { eventually } from '../../support/eventually.js';
import { buildService, killServices } from '../../support/service.js';

const INVITATION = {
  type: 'announcement',
  to: 'ada',
  data: {
    title: 'Join the team',
    actions: [
      { id: 'accept', label: 'Accept' },
      { id: 'decline', label: 'Decline' },
    ],
  },
};

let deployment: Deployment;

beforeAll(async () => {
  await buildService();
  deployment = await Deployment.open('postgres');
}, 180_000);
afterEach(killServices);
afterAll(() => deployment.close());

it('puts an action on the queue after its process was killed between the commit and the queue', async () => {
  const env = { TIDINGS_ACTIONS_QUEUE: 'answers' };
  const service = await deployment.start(env);
  const ask = async (method: string, path: string, headers: object, body?: object): Promise<Response> =>
    fetch(`${service.origin}/v1/${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body && { body: JSON.stringify(body) }),
    });
  const ada = { authorization: `Bearer ${await deployment.token('ada')}` };
  expect((await ask('POST', 'notifications', { 'x-api-key': PRODUCER_KEY }, INVITATION)).status).toBe(202);
  const { items } = (await (await ask('GET', 'notifications', ada)).json()) as { items: { id: string }[] };
  const { id } = items[0]!;

  // Nothing gets into the queue, which the action does not wait for.
  const session = await deployment.session();
  await session.query('BEGIN; LOCK TABLE bullmq.job IN ACCESS EXCLUSIVE MODE');
  expect((await ask('POST', `notifications/${id}/actions/accept`, ada)).status).toBe(200);
  await service.stop('SIGKILL');
  // The server would still execute what the killed process has sent.
  await deployment.sql(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  await eventually(async () =>
    expect(
      await deployment.sql(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      ),
    ).toEqual([]),
  );
  await session.query('COMMIT');
  session.release();
  const jobs = () => deployment.sql(`SELECT name, data FROM bullmq.job WHERE id = 'action-${id}'`);
  expect(await deployment.sql('SELECT id FROM tidings.action_outbox')).toEqual([{ id }]);
  expect(await jobs()).toEqual([]);

  await deployment.start(env);
  await eventually(async () => expect(await jobs()).toHaveLength(1));
  expect((await jobs())[0]).toMatchObject({
    name: 'announcement',
    data: { to: 'ada', action: 'accept', notification: { id } },
  });
  await eventually(async () => expect(await deployment.sql('SELECT FROM tidings.action_outbox')).toEqual([]));
}, 120_000);
