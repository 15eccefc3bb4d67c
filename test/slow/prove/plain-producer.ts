import { createPostgresBackend, Queue, type createRedisBackend, type JobsOptions } from 'bullmq';
import pg from 'pg';
import type { Ledger, Notification } from './ledger.js';

/** What a job of the proof carries; its name is the type. */
export interface ProofJob {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly opts?: JobsOptions;
}

/** The job that stands for a notification. `bulk` characters make it large. */
export function jobOf(notification: Notification, dedupeKey?: string, bulk = 0): ProofJob {
  const to = [...notification.to];
  const data = {
    taskId: String(notification.index),
    title: bulk > 0 ? `Bulk ${'x'.repeat(bulk)}` : `Task ${notification.index}`,
    status: 'succeeded',
  };
  return {
    name: 'task-completed',
    data: { to: to.length === 1 ? to[0] : to, data, ...(dedupeKey !== undefined && { dedupeKey }) },
  };
}

/** A queue as somebody opens it who has nothing but BullMQ. */
export function openQueue(url: string): { queue: Queue; close: () => Promise<void> } {
  const { protocol, hostname, port } = new URL(url);
  const opened = protocol === 'redis:' ? onRedis(hostname, Number(port)) : onPostgres(url);
  opened.queue.on('error', () => {}); // servers are stopped on purpose
  return opened;
}

function onRedis(host: string, port: number): { queue: Queue; close: () => Promise<void> } {
  const queue = new Queue('tidings', {
    skipVersionCheck: true,
    connection: {
      host,
      port,
      // Sent once: an add that is sent again by the connection would be two jobs, and rightly two entries.
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (times) => Math.min(1_000, 50 * times),
    },
  });
  // A server that is gone for good cannot be told to QUIT; its connection would try again for ever.
  return { queue, close: () => queue.close().catch(() => queue.disconnect()) };
}

function onPostgres(url: string): { queue: Queue; close: () => Promise<void> } {
  const pool = new pg.Pool({
    connectionString: url,
    options: '-c search_path=bullmq',
    max: 4,
    keepAlive: true,
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
  });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  // The constructor's types know the default backend only, though it takes any.
  const backend = createPostgresBackend as unknown as typeof createRedisBackend;
  const queue = new Queue('tidings', { connection: pool }, backend);
  return {
    queue,
    close: async () => {
      await queue.close();
      await pool.end();
    },
  };
}

/** A producer that knows nothing of Tidings but the public format of its jobs. What fails is not sent again. */
export class PlainProducer {
  accepted = 0;
  private readonly opened: ReturnType<typeof openQueue>;

  constructor(
    readonly name: string,
    url: string,
    private readonly ledger: Ledger,
  ) {
    this.opened = openQueue(url);
  }

  async send(notification: Notification, job: ProofJob): Promise<void> {
    try {
      const { id } = await this.opened.queue.add(job.name, job.data, job.opts);
      this.accepted += 1;
      this.ledger.accepted(notification, `${this.name}: job ${id}`);
    } catch (error) {
      this.ledger.unknown(notification, error);
    }
  }

  /** All of them in one call. */
  async sendAll(notifications: readonly Notification[], jobs: ProofJob[]): Promise<void> {
    try {
      const added = await this.opened.queue.addBulk(jobs);
      this.accepted += added.length;
      notifications.forEach((one, at) =>
        this.ledger.accepted(one, `${this.name}: job ${added[at]?.id} of a bulk`),
      );
    } catch (error) {
      for (const one of notifications) this.ledger.unknown(one, error);
    }
  }

  close(): Promise<void> {
    return this.opened.close();
  }
}
