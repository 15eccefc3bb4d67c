import { expect, it } from '@jest/globals';
import { ManagedService } from './managed-service.js';
import { Timeline } from './timeline.js';

it('rejects with the reason when its first process cannot start', async () => {
  const service = new ManagedService('api-1', 'api', '/nowhere/dist/main.js', {}, new Timeline());
  await expect(service.start()).rejects.toThrow(
    /^api-1 does not start: [^]*Cannot find module '\/nowhere\/dist\/service/,
  );
  expect(service.restarts).toBe(0);
});
