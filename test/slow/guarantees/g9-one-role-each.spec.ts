import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { numbered, onBothBackends, task, untilTasks } from '../../guarantees/house.js';
import { Deployment, PRODUCER_KEY } from '../../support/deployment.js';
import { buildService, killServices } from '../../support/service.js';
import { connect } from '../../support/sse-client.js';

onBothBackends('G9: processes with one role each', (backend) => {
  let deployment: Deployment;

  beforeAll(() => buildService(), 180_000);

  beforeEach(async () => {
    deployment = await Deployment.open(backend === 'Redis' ? 'redis' : 'postgres');
  });

  afterEach(async () => {
    await killServices();
    await deployment.close();
  });

  it('delivers from a publisher by a worker to a streamer', async () => {
    const [publisher, streamer] = await Promise.all([
      deployment.start({ TIDINGS_ROLES: 'api' }),
      deployment.start({ TIDINGS_ROLES: 'api' }),
    ]);
    const worker = await deployment.start({ TIDINGS_ROLES: 'worker' });
    const client = await connect(`${streamer.origin}/v1/stream`, {
      headers: { authorization: `Bearer ${await deployment.token('ada')}` },
    });
    await client.waitFor(({ event }) => event === 'feed.ready');
    for (const id of numbered(20)) {
      const { status } = await fetch(`${publisher.origin}/v1/notifications`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': PRODUCER_KEY },
        body: JSON.stringify({ type: 'task-completed', to: 'ada', data: task(id) }),
      });
      expect(status).toBe(202);
    }
    expect((await untilTasks(client, 20)).sort()).toEqual(numbered(20).sort());
    await client.close();
    for (const service of [publisher, streamer, worker]) expect((await service.stop('SIGTERM')).code).toBe(0);
  }, 200_000);
});
