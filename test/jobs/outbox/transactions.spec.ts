import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { PrismaPg } from '@prisma/adapter-pg';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import knex from 'knex';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { InvalidJobError, InvalidRequestError } from '../../../src/contract/errors.js';
import type { Notified, Transaction } from '../../../src/contract/model/notify.js';
import { fromDrizzle, fromKnex, fromPrisma } from '../../../src/jobs/outbox/adapters.js';
import { taskCompleted } from '../../../src/types/shipped/index.js';
import { NOTIFIER } from '../../../src/contract/tokens.js';
import { TidingsService } from '../../../src/module/tidings.service.js';
import { House } from '../../guarantees/house.js';
import { createTestDatabase } from '../../support/postgres.js';
import { PrismaClient } from './prisma/client/client.js';

interface Outboxing {
  readonly parts: { readonly outbox: object };
}

let house: House;
let tidings: TidingsService;

beforeAll(async () => {
  house = await House.open('Postgres');
  // Without a worker, and so without a relay: the rows stay to be looked at.
  tidings = (await house.start({ roles: ['api'] })).app.get(TidingsService, { strict: false });
  await house.sql('CREATE TABLE public.orders (id text PRIMARY KEY)');
}, 60_000);

afterEach(async () => {
  await house.sql('TRUNCATE orders, tidings.outbox');
});

afterAll(() => house?.close(), 30_000);

function notify(tx: Transaction, taskId = 'one'): Promise<Notified> {
  return tidings.notify(taskCompleted, {
    to: ['ada', 'bob'],
    tenant: 'acme',
    data: { taskId, title: `"Quoted" 'and' $1 ? \\`, status: 'succeeded' },
    dedupeKey: 'key',
    deliverAt: new Date('2027-01-02T03:04:05.678Z'),
    tx,
  });
}

/** Begins a transaction of one library, inserts an order, calls `work`, and rolls back if that throws. */
type Library = (url: string, work: (tx: Transaction) => Promise<unknown>) => Promise<void>;

const LIBRARIES: Record<string, Library> = {
  pg: async (url, work) => {
    const client = new pg.Client(url);
    await client.connect();
    try {
      await client.query('BEGIN');
      await client.query("INSERT INTO orders VALUES ('1')");
      await work(client);
      await client.query('COMMIT');
    } finally {
      await client.end();
    }
  },
  TypeORM: async (url, work) => {
    const source = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
    try {
      await source.transaction(async (manager) => {
        await manager.query("INSERT INTO orders VALUES ('1')");
        await work(manager);
      });
    } finally {
      await source.destroy();
    }
  },
  Knex: async (url, work) => {
    const db = knex({ client: 'pg', connection: url, pool: { min: 0, max: 1 } });
    try {
      await db.transaction(async (trx) => {
        await trx('orders').insert({ id: '1' });
        await work(fromKnex(trx));
      });
    } finally {
      await db.destroy();
    }
  },
  Drizzle: async (url, work) => {
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    try {
      await drizzle(pool).transaction(async (tx) => {
        await tx.execute(sql`INSERT INTO orders VALUES ('1')`);
        await work(fromDrizzle(tx, sql));
      });
    } finally {
      await pool.end();
    }
  },
  Prisma: async (url, work) => {
    const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 1 }) });
    try {
      await prisma.$transaction(async (tx) => {
        await tx.order.create({ data: { id: '1' } });
        await work(fromPrisma(tx));
      });
    } finally {
      await prisma.$disconnect();
    }
  },
};

interface Row {
  id: string;
  recipients: string[];
  tenant: string;
  data: { title: string };
  version: number;
  dedupe_key: string;
  deliver_at: Date;
}

const outbox = (): Promise<Row[]> => house.sql<Row & pg.QueryResultRow>('SELECT * FROM tidings.outbox');
const orders = async (): Promise<number> => (await house.sql('SELECT FROM orders')).length;

describe.each(Object.entries(LIBRARIES))('notify in a transaction of %s', (_, library) => {
  it('leaves a row on commit', async () => {
    let result: Notified | undefined;
    await library(house.databaseUrl, async (tx) => (result = await notify(tx)));
    expect(await orders()).toBe(1);
    const [row, ...others] = await outbox();
    expect(others).toEqual([]);
    expect(row).toMatchObject({
      recipients: ['ada', 'bob'],
      tenant: 'acme',
      data: { title: `"Quoted" 'and' $1 ? \\` },
      version: taskCompleted.version,
      dedupe_key: 'key',
      deliver_at: new Date('2027-01-02T03:04:05.678Z'),
    });
    expect(result).toEqual({ jobId: `outbox-${row!.id}`, outcome: 'staged' });
  });

  it('leaves nothing on rollback', async () => {
    const failing = library(house.databaseUrl, async (tx) => {
      await notify(tx);
      throw new Error('no stock');
    });
    await expect(failing).rejects.toThrow('no stock');
    expect(await orders()).toBe(0);
    expect(await outbox()).toEqual([]);
  });

  it('continues after a rejected notification, and takes more than one', async () => {
    await library(house.databaseUrl, async (tx) => {
      const wrong = tidings.notify(taskCompleted, { to: '', data: { taskId: 1 } as never, tx });
      await expect(wrong).rejects.toThrow(InvalidJobError);
      await notify(tx, 'one');
      await notify(tx, 'two');
    });
    expect(await orders()).toBe(1);
    expect(await outbox()).toHaveLength(2);
  });

  it('is rejected on another database, whose transaction continues', async () => {
    const other = await createTestDatabase();
    const client = new pg.Client(other.url);
    await client.connect();
    try {
      // Migrated all the same: the table is there, only the wrong one.
      await client.query('CREATE SCHEMA tidings');
      await client.query('CREATE TABLE tidings.outbox (id uuid)');
      await client.query('CREATE TABLE public.orders (id text)');
      await library(other.url, async (tx) => {
        await expect(notify(tx)).rejects.toThrow(/tx is on another database \(test_\w+ of the server/);
      });
      expect((await client.query('SELECT FROM orders')).rowCount).toBe(1);
    } finally {
      await client.end();
      await other.drop();
    }
  });
});

describe('notify with an invalid transaction', () => {
  it.each<[string, (url: string, work: (tx: Transaction) => Promise<void>) => Promise<void>]>([
    [
      'a pool of pg',
      async (url, work) => {
        const pool = new pg.Pool({ connectionString: url });
        try {
          await work(pool);
        } finally {
          await pool.end();
        }
      },
    ],
    [
      'a DataSource of TypeORM',
      async (url, work) => {
        const source = await new DataSource({ type: 'postgres', url, installExtensions: false }).initialize();
        try {
          await work(source);
        } finally {
          await source.destroy();
        }
      },
    ],
    [
      'a client of pg without BEGIN',
      async (url, work) => {
        const client = new pg.Client(url);
        await client.connect();
        try {
          await work(client);
        } finally {
          await client.end();
        }
      },
    ],
  ])('rejects %s, which would keep the row whatever becomes of the caller', async (_, library) => {
    await library(house.databaseUrl, async (tx) => {
      await expect(notify(tx)).rejects.toThrow(/tx is no transaction/);
    });
    expect(await outbox()).toEqual([]);
  });

  it('names the alternative to a Prisma client', async () => {
    const wrong = { $queryRawUnsafe: () => Promise.resolve([]) } as never;
    await expect(notify(wrong)).rejects.toThrow(/fromPrisma/);
    await expect(notify(wrong)).rejects.toThrow(InvalidRequestError);
  });

  it('rejects a role that may not insert, whose transaction continues', async () => {
    await LIBRARIES['pg']!(house.databaseUrl, async (tx) => {
      await tx.query('REVOKE INSERT ON tidings.outbox FROM CURRENT_USER', []);
      await expect(notify(tx)).rejects.toThrow(/tx may not insert into tidings.outbox/);
      await tx.query('GRANT INSERT ON tidings.outbox TO CURRENT_USER', []);
    });
    expect(await orders()).toBe(1);
  });

  it('distinguishes one transaction of a client from the next', async () => {
    const client = new pg.Client(house.databaseUrl);
    await client.connect();
    try {
      await client.query('BEGIN');
      await notify(client, 'first');
      await client.query('ROLLBACK');
      await expect(notify(client, 'between')).rejects.toThrow(/no transaction/);
      await client.query('BEGIN');
      await notify(client, 'second');
      await client.query('COMMIT');
    } finally {
      await client.end();
    }
    expect(await outbox()).toHaveLength(1);
  });
});

describe('notify in transactions that hold every connection of the lent pool', () => {
  it('does not wait for a connection, also after a restart of the server', async () => {
    const lent = new pg.Pool({ connectionString: house.databaseUrl, max: 2 });
    const host = await house.start({ roles: ['api'], database: { pool: lent } });
    const service = host.app.get(TidingsService, { strict: false });
    const clients = await Promise.all([lent.connect(), lent.connect()]);
    try {
      for (const client of clients) await client.query('BEGIN');
      // The identity that it has read at the start is that of the server before.
      Object.assign(host.app.get<Outboxing>(NOTIFIER, { strict: false }).parts.outbox, {
        home: 'former',
      });
      const data = { taskId: 'one', title: 'One', status: 'succeeded' } as const;
      await Promise.all(clients.map((tx) => service.notify(taskCompleted, { to: 'ada', data, tx })));
      for (const client of clients) await client.query('COMMIT');
    } finally {
      for (const client of clients) client.release();
    }
    expect(await outbox()).toHaveLength(2);
    await host.close();
    await lent.end();
  });
});
