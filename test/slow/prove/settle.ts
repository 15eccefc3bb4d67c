import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from './client.js';
import { readHeads } from './log-view.js';
import { QueueView } from './queue-view.js';
import { now, PATIENCE_MS } from './timeline.js';
import type { World } from './world.js';

const EVERY_MS = 250;

/** Waits until nothing is on the queue or in the outbox, and every client has come to the end of its feed; returns what is missing if that never comes. */
export async function settle(world: World, clients: readonly Client[]): Promise<string | null> {
  const startedAt = now();
  let view: QueueView | null = null;
  let missing: string | null = 'not looked yet';
  try {
    while (missing !== null && now() - startedAt < PATIENCE_MS) {
      await delay(EVERY_MS);
      try {
        view = await QueueView.same(view, world);
        missing = await whatIsMissing(view, world, clients);
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
): Promise<string | null> {
  const pending = await view.pendingCount();
  if (pending > 0) return `${pending} jobs are still on the queue`;
  const rows = await world.sql('SELECT FROM tidings.outbox WHERE failed_at IS NULL');
  if (rows.length > 0) return `${rows.length} rows are still in the outbox`;
  const heads = await readHeads(world, [...new Set(clients.map(({ account }) => account.recipient))]);
  const behind = clients.filter(({ account: { recipient, segment } }) => {
    const head = heads.get(recipient);
    return head !== undefined && (segment === null || `${segment.epoch}-${segment.last}` !== head);
  });
  return behind.length === 0
    ? null
    : `${behind.length} clients are behind, such as ${behind[0]?.account.name}`;
}
