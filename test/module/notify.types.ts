/**
 * What must compile, and what must not: checked by `npm run typecheck`, never run. An `@ts-expect-error` over a line that compiles is
 * an error itself.
 */
import { z } from 'zod';
import {
  defineNotification,
  fromDrizzle,
  fromKnex,
  fromPrisma,
  type TidingsService,
  type Transaction,
} from '../../src/index.js';
import type { DataOf, Item } from '../../src/browser/client/types.js';
import type { InputOf } from '../../src/contract/model/notify.js';
import type { TidingsProducer } from '../../src/producer.js';
import type { sql } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { Knex } from 'knex';
import type { Client } from 'pg';
import type { DataSource } from 'typeorm';
import type { Prisma } from '../jobs/outbox/prisma/client/client.js';

declare const tidings: TidingsService;
declare const producer: TidingsProducer;

export const shipped = defineNotification('shipped', {
  version: 2,
  schema: z.object({ orderId: z.string(), parcels: z.number().default(1) }),
  render: (data, { locale }) => {
    const parcels: number = data.parcels;
    // @ts-expect-error there is no such field
    void data.weight;
    return { title: `${data.orderId} ${parcels} ${locale}` };
  },
  // Returns what the schema takes.
  upgrade: (old, fromVersion) => ({ orderId: `${String(old)}-${fromVersion}` }),
  expiresAfterMs: 3_600_000,
});

export const closed = defineNotification('closed', {
  version: 1,
  schema: z.object({ reason: z.string() }),
  render: () => ({ title: 'Closed' }),
});

defineNotification('wrong-upgrade', {
  version: 2,
  schema: z.object({ orderId: z.string() }),
  render: () => ({ title: 'x' }),
  // @ts-expect-error does not return what the schema takes
  upgrade: () => ({ order: 7 }),
});

export async function calls(): Promise<void> {
  // What has a default may be left out.
  await tidings.notify(shipped, { to: 'ada', data: { orderId: 'A-1' } });
  await tidings.notify(shipped, { to: ['ada', 'bob'], tenant: 'acme', data: { orderId: 'A-1', parcels: 2 } });
  await tidings.notify(closed, {
    to: 'ada',
    data: { reason: 'x' },
    deliverAt: new Date(),
    expiresAt: '2030-01-01T00:00:00Z',
  });
  await producer.notify(closed, { to: 'ada', data: { reason: 'x' } });
  await tidings.notifyMany(closed, new Set(['ada']), { key: 'k', data: { reason: 'x' } }, { chunkSize: 10 });

  // @ts-expect-error a field is missing
  await tidings.notify(shipped, { to: 'ada', data: {} });
  // @ts-expect-error a field is of the wrong type
  await tidings.notify(shipped, { to: 'ada', data: { orderId: 7 } });
  // @ts-expect-error a field is not known
  await tidings.notify(shipped, { to: 'ada', data: { orderId: 'A-1', colour: 'red' } });
  // @ts-expect-error the data of another type
  await tidings.notify(shipped, { to: 'ada', data: { reason: 'x' } });
  // @ts-expect-error there is no recipient
  await tidings.notify(shipped, { data: { orderId: 'A-1' } });
  // @ts-expect-error not a name, but the type itself
  await tidings.notify('shipped', { to: 'ada', data: { orderId: 'A-1' } });
  // @ts-expect-error misspelt
  await tidings.notify(shipped, { to: 'ada', data: { orderId: 'A-1' }, dedupKey: 'x' });
  // @ts-expect-error the key is required
  await tidings.notifyMany(closed, ['ada'], { data: { reason: 'x' } });
  // @ts-expect-error the wrong data
  await producer.notifyMany(closed, ['ada'], { key: 'k', data: { orderId: 'A-1' } });

  const { outcome } = await tidings.notify(closed, { to: 'ada', data: { reason: 'x' } });
  // @ts-expect-error no such outcome
  void (outcome === 'sent');
}

export function transactions(
  client: Client,
  source: DataSource,
  trx: Knex.Transaction,
  prisma: Prisma.TransactionClient,
  drizzle: Parameters<Parameters<NodePgDatabase['transaction']>[0]>[0],
  tag: typeof sql,
): Transaction[] {
  // @ts-expect-error needs fromPrisma
  const wrong: Transaction = prisma;
  return [wrong, client, source.manager, fromKnex(trx), fromPrisma(prisma), fromDrizzle(drizzle, tag)];
}

// From the same declaration to the browser's listener.
type Types = [typeof shipped, typeof closed];
export const data: DataOf<Types>['shipped'] = { orderId: 'A-1', parcels: 1 };
export const input: InputOf<typeof shipped> = { orderId: 'A-1' };
// @ts-expect-error what has a default on the way in is there on the way out
export const incomplete: DataOf<Types>['shipped'] = { orderId: 'A-1' };
export function listen(item: Item<Types>): string {
  return item.type === 'shipped' ? item.data.orderId : item.data.reason;
}
