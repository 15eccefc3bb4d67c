import { directPostgresAddress, postgresAddress, redisAddress } from '../platform/addresses.js';
import { resolveOptions, type TidingsOptions } from '../contract/options/options.js';
import { requireSuitable } from '../log/database/requirements.js';
import { assertMigrated } from '../log/migrations/migrator.js';
import { bullmqProblem } from './bullmq-schema.js';
import { canaryThroughHouse } from './canary.js';
import { readOptions, text, type Flags } from './options.js';
import { clockSkew, listens, queueSessions, rights, sessionDefaults } from './postgres-checks.js';
import { say, type Print } from './print.js';
import { canaryThroughProxy } from './proxy-canary.js';
import { readProxy } from './proxy.js';
import { redisUser, redisVersion } from './redis-checks.js';

/**
 * `tidings doctor`: checks each part of the path of a notification, and sends a canary through all of it.
 * Exits with 1 if something is wrong.
 */
export async function doctorCommand(
  flags: Flags,
  _args: readonly string[],
  print: Print = say,
): Promise<void> {
  const proxy = readProxy(flags);
  let faults = 0;
  const look = async (what: string, check: () => Promise<string>): Promise<boolean> => {
    try {
      print(`ok     ${what}: ${await check()}`);
      return true;
    } catch (error) {
      faults += 1;
      const reason = error instanceof Error && error.message !== '' ? error.message : String(error);
      print(`FAULT  ${what}: ${reason}`);
      return false;
    }
  };

  // The canary tests whether a worker takes jobs off the queue.
  const options: TidingsOptions = { ...(await readOptions(flags)), delivery: 'queue' };
  const { database, queue, redis } = resolveOptions(options);
  const address = postgresAddress(database);
  const direct = directPostgresAddress(database);
  let sound = await look('Postgres', () => requireSuitable(address));
  if (sound) {
    // BullMQ's tables are read in such a session.
    const hasQueue = !redis && (await look('queue', () => queueSessions(direct)));
    const migrated = await look('tables', async () => {
      await assertMigrated(address, database.schema);
      const problem = hasQueue ? await bullmqProblem(direct) : null;
      if (problem) throw new Error(problem);
      return 'up to date';
    });
    sound = migrated && (hasQueue || redis !== null);
    if (migrated) {
      const allowed = await look('rights', () => rights(address, database.schema, !redis));
      sound = sound && allowed;
    }
    await look('defaults', () => sessionDefaults(address));
    await look('clock', () => clockSkew(address));
    // With Redis, only the relay of the outbox listens, and it looks for rows without being told.
    if (!redis || database.directUrl !== null) {
      const listening = await look('LISTEN', () => listens(direct, address));
      sound = sound && listening;
    }
  }
  if (redis) {
    const place = redisAddress(redis);
    const names = { prefix: queue.prefix, queue: queue.name };
    const allowed = await look('Redis rights', () => redisUser(place, names));
    const fit = await look('Redis', () => redisVersion(place));
    sound = sound && allowed && fit;
  }
  if (sound) await look('canary', () => canaryThroughHouse(options));
  if (sound && proxy) {
    await look(`canary through ${text(flags, 'url')}`, () => canaryThroughProxy(options, proxy));
  }
  if (faults > 0) throw new Error(`${faults} ${faults === 1 ? 'fault' : 'faults'}.`);
}
