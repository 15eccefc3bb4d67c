import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Campaign } from './campaign.js';

let campaign: Campaign;
beforeAll(async () => {
  campaign = await Campaign.start();
}, 240_000);
afterAll(() => campaign?.close());

it('answers no input with 5xx, survives all of them, and holds its loop for no longer than 50 ms', async () => {
  // Always the same inputs; `npm run fuzz` looks for new ones.
  const { violations, inputs, statuses } = await campaign.run(8_000, 3);
  expect(violations).toEqual([]);
  // It tried what it is for.
  expect(Math.min(inputs.http, inputs.job, inputs.message)).toBeGreaterThan(300);
  for (const status of [200, 202, 204, 207, 400, 401, 403, 404, 405])
    expect(statuses[status]).toBeGreaterThan(0);
}, 240_000);
