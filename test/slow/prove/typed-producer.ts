import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { createProducer, taskCompleted, type TidingsProducer } from '../../../src/producer.js';
import type { Ledger, Notification } from './ledger.js';
import type { Random } from './random.js';
import { now } from './timeline.js';
import type { World } from './world.js';

/** With the same key a broadcast is sent again until it is accepted, for at most so long. */
const PERSIST_MS = 90_000;
/** So that a broadcast is several jobs. */
const CHUNK = 20;

/** A program that sends with `tidings/producer`: on the queue, in its own transactions, and to many at once. */
export class TypedProducer {
  /** How many were accepted, by call. */
  readonly accepted = new Map<string, number>();
  private readonly pool: pg.Pool;
  private opened: Promise<TidingsProducer> | null = null;

  constructor(
    readonly name: string,
    private readonly world: World,
    private readonly ledger: Ledger,
    private readonly random: Random,
  ) {
    this.pool = new pg.Pool({
      connectionString: world.logUrl,
      max: 4,
      connectionTimeoutMillis: 5_000,
      query_timeout: 10_000,
    });
    this.pool.on('error', () => {});
    this.pool.on('connect', (client) => client.on('error', () => {}));
  }

  /** Once: without a key, a repetition would be another notification. */
  async notify(notification: Notification, dedupeKey?: string): Promise<void> {
    await this.attempt(notification, 'notify', async () => {
      const producer = await this.producer();
      return (await producer.notify(taskCompleted, { ...contentOf(notification), dedupeKey })).jobId;
    });
  }

  /** In a transaction that commits; or, if asked for, one that is rolled back, with which the notification must vanish. */
  async notifyInTransaction(
    notification: Notification,
    { dedupeKey, rollBack = false }: { dedupeKey?: string; rollBack?: boolean } = {},
  ): Promise<void> {
    await this.attempt(notification, 'notify in a transaction', async () => {
      const producer = await this.producer();
      const client = await this.pool.connect();
      let broken: Error | undefined;
      try {
        await client.query('BEGIN');
        const { jobId } = await producer.notify(taskCompleted, {
          ...contentOf(notification),
          dedupeKey,
          tx: client,
        });
        if (rollBack) this.ledger.rolledBack(notification);
        await client.query(rollBack ? 'ROLLBACK' : 'COMMIT');
        return rollBack ? null : jobId;
      } catch (error) {
        broken = error as Error;
        throw error;
      } finally {
        client.release(broken);
      }
    });
  }

  /** Repeated with the same key until all of it is accepted. */
  async notifyMany(notification: Notification, key: string): Promise<void> {
    const startedAt = now();
    const { to, data } = contentOf(notification);
    const send = async (): Promise<string> => {
      const producer = await this.producer();
      const { jobIds } = await producer.notifyMany(taskCompleted, to, { key, data }, { chunkSize: CHUNK });
      return jobIds.join(', ');
    };
    while (!(await this.attempt(notification, 'notifyMany', send))) {
      if (now() - startedAt > PERSIST_MS) return;
      await delay(this.random.int(50, 500));
    }
  }

  async close(): Promise<void> {
    await (await this.opened?.catch(() => null))?.close();
    await this.pool.end();
  }

  /** Whether it was accepted. */
  private async attempt(
    notification: Notification,
    call: string,
    send: () => Promise<string | null>,
  ): Promise<boolean> {
    try {
      const id = await send();
      if (id === null) return false;
      this.accepted.set(call, (this.accepted.get(call) ?? 0) + 1);
      this.ledger.accepted(notification, `${this.name}, ${call}: ${id}`);
      return true;
    } catch (error) {
      this.ledger.unknown(notification, `${this.name}, ${call}: ${(error as Error).message}`);
      return false;
    }
  }

  /** On Postgres it cannot be opened while the server is away. */
  private async producer(): Promise<TidingsProducer> {
    const { redis, queueUrl, logUrl } = this.world;
    this.opened ??= createProducer({
      ...(redis && { redis: { url: queueUrl } }),
      database: { url: redis ? logUrl : queueUrl },
      types: [taskCompleted],
      onError: () => {}, // servers are stopped on purpose
    });
    try {
      return await this.opened;
    } catch (error) {
      this.opened = null;
      throw error;
    }
  }
}

function contentOf(notification: Notification): {
  to: string[];
  data: { taskId: string; title: string; status: 'succeeded' };
} {
  const { index, to } = notification;
  return {
    to: [...to],
    data: { taskId: String(index), title: `Task ${index}`, status: 'succeeded' },
  };
}
