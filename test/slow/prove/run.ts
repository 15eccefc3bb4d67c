/**
 * `npm run prove`: breaks everything around a deployment while load runs, and makes up the account of every single entry. Ends with 1 if
 * one is lost, twice, out of order or foreign. docs/reliability.md says what is done and what is proven.
 */
import { loadavg } from 'node:os';
import { setUp, tearDown } from '../../support/servers.js';
import { Campaign } from './campaign.js';
import { readOptions } from './options.js';
import { doorTable, faultTable, remarks, table } from './report.js';
import type { Result } from './trial.js';

const options = readOptions(process.argv.slice(2));
// Within a run of the tests the directory is there already, and is swept by it.
const ownRoot = process.env['TIDINGS_TEST_ROOT'] === undefined;
if (ownRoot) await setUp();

const close = async (): Promise<void> => {
  if (ownRoot) await tearDown();
};
// The processes of the service end with this one; servers would stay.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    console.log(`${signal}: stopped`);
    void close().finally(() => process.exit(1));
  });
}

const { seed, profile, minutes } = options;
console.log(`seed ${seed}, ${profile.name} profile, ${minutes} minutes, load ${loadavg()[0]?.toFixed(1)}`);
const results: Result[] = [];
try {
  for (const backend of options.backends) {
    results.push(...(await new Campaign(options, backend, (line) => console.log(line)).run()));
  }
} finally {
  await close();
}

const wrong = results.reduce((sum, { violations }) => sum + violations.length, 0);
console.log(`\n${table(results)}\n\n${faultTable(results)}\n\n${doorTable(results)}\n`);
for (const remark of remarks(results)) console.log(remark);
console.log(wrong === 0 ? `\nseed ${seed}: nothing is wrong` : `\nseed ${seed}: ${wrong} violations`);
process.exit(wrong === 0 ? 0 : 1);
