import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Deployment } from '../support/deployment.js';
import { followInNode } from '../support/event-source.js';
import { surviveRestarts } from '../support/restarts.js';
import { buildService, killServices } from '../support/service.js';
import { describeWith } from '../support/tools.js';

beforeAll(buildService, 180_000);
afterEach(killServices);

function suite(backend: 'postgres' | 'redis', restarts: number): void {
  it(`has everything once, in order, after ${restarts} restarts of the server while jobs keep coming`, async () => {
    const deployment = await Deployment.open(backend);
    try {
      const { sent, log, kept } = await surviveRestarts(deployment, restarts, (origin, token) =>
        Promise.resolve(followInNode(origin, token)),
      );
      // In the order of the log, without a hole and without a repetition ...
      expect(log.received).toEqual(kept);
      // ... and the log has what was sent, each once.
      expect(kept.map(({ taskId }) => Number(taskId)).sort((a, b) => a - b)).toEqual(sent.map(Number));
      expect(log.opened).toBeGreaterThan(restarts);
      expect(log.control.filter((frame) => frame.startsWith('feed.reset'))).toEqual([]);
    } finally {
      await killServices();
      await deployment.close();
    }
  }, 400_000);
}

// Chromium's has it the other way round.
describe("npm's EventSource on Postgres", () => suite('postgres', 2));
describeWith('redis-server', "npm's EventSource on Redis", () => suite('redis', 10));
