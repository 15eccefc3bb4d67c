import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from './client.js';
import { countUntaken, readHeads } from './log-view.js';
import { QueueView } from './queue-view.js';
import { now, PATIENCE_MS } from './timeline.js';
import type { World } from './world.js';

const EVERY_MS = 250;

/**
 * Waits until nothing is on the queue or in the outbox, every feed has taken what its audience has, and every client has come to the end of its feed;
 * returns what is missing if that never comes.
 */
export async function settle(
  world: World,
  clients: readonly Client[],
  audience = '',
): Promise<string | null> {
  const startedAt = now();
  let view: QueueView | null = null;
  let missing: string | null = 'not looked yet';
  try {
    while (missing !== null && now() - startedAt < PATIENCE_MS) {
      await delay(EVERY_MS);
      try {
        view = await QueueView.same(view, world);
        missing = await whatIsMissing(view, world, clients, audience);
      } catch (error) {
        missing = (error as Error).message;
      }
    }
  } finally {
    await view?.close();
  }
  return missing;
}

async function whatIsMissing(
  view: QueueView,
  world: World,
  clients: readonly Client[],
  audience: string,
): Promise<string | null> {
  const pending = await view.pendingCount();
  if (pending > 0) return `${pending} jobs are still on the queue`;
  const rows = await world.sql('SELECT FROM tidings.outbox WHERE failed_at IS NULL');
  if (rows.length > 0) return `${rows.length} rows are still in the outbox`;
  const recipients = [...new Set(clients.map(({ account }) => account.recipient))];
  const untaken = await countUntaken(world, recipients, audience);
  if (untaken > 0) return `${untaken} feeds have not taken what their audience has`;
  const heads = await readHeads(world, recipients);
  const behind = clients.filter(({ account: { recipient, segment } }) => {
    const head = heads.get(recipient);
    return head !== undefined && (segment === null || `${segment.epoch}-${segment.last}` !== head);
  });
  return behind.length === 0
    ? null
    : `${behind.length} clients are behind, such as ${behind[0]?.account.name}`;
}
