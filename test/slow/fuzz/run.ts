/** `npm run fuzz -- --inputs 1000000 [--seed 7]`: ends with 1 if an input is answered 5xx, ends the service or holds its loop for more than 50 ms. */
import { parseArgs } from 'node:util';
import { setUp, tearDown } from '../../support/servers.js';
import { Campaign, type Findings } from './campaign.js';

const REPORT_EVERY_MS = 30_000;

const { values } = parseArgs({
  options: { inputs: { type: 'string', default: '100000' }, seed: { type: 'string' } },
});
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const count = Number(values.inputs);

await setUp();
let wrong: boolean;
try {
  const { inputs, statuses, violations } = await fuzz();
  console.log(`seed ${seed}: ${JSON.stringify(inputs)}, answers ${JSON.stringify(statuses)}`);
  for (const violation of violations) console.log(violation);
  console.log(`${violations.length} violations`);
  wrong = violations.length > 0;
} finally {
  await tearDown();
}
process.exit(wrong ? 1 : 0);

async function fuzz(): Promise<Findings> {
  const campaign = await Campaign.start();
  const startedAt = performance.now();
  let reportedAt = startedAt;
  try {
    return await campaign.run(count, seed, (done) => {
      if (performance.now() - reportedAt < REPORT_EVERY_MS) return;
      reportedAt = performance.now();
      console.log(`${done} of ${count} after ${Math.round((reportedAt - startedAt) / 1000)} s`);
    });
  } finally {
    await campaign.close();
  }
}
