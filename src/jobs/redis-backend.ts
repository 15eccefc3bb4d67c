import { createRedisBackend, Queue, type Processor, type WorkerOptions } from 'bullmq';
import { Redis, type RedisOptions } from 'ioredis';
import type { RedisAddress } from '../contract/connections.js';
import type { Connected, QueueBackend } from './backend.js';
import { PatientWorker } from './patient-worker.js';

const PING_EVERY_MS = 5_000;
const SILENCE_MS = 5_000;

const SHARED: RedisOptions = {
  connectTimeout: 5_000,
  keepAlive: 10_000,
  // A frozen server never answers our FIN.
  disconnectTimeout: 200,
  retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 10), 3_000) * (0.5 + Math.random() / 2),
};

/**
 * A producer must not wait, and what it was told has failed must not happen later: while Redis is away commands are refused instead of
 * kept, and when the connection is lost those under way are rejected instead of sent again. What remains is a command that
 * Redis received and did not answer.
 */
const PRODUCER: RedisOptions = {
  ...SHARED,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
};

/** A worker has all the time in the world; BullMQ requires `null` of blocking connections. */
const WORKER: RedisOptions = { ...SHARED, maxRetriesPerRequest: null };

/** BullMQ on Redis. */
export class RedisBackend implements QueueBackend {
  readonly name = 'redis';
  readonly waits = true;
  readonly trims = true;

  constructor(
    private readonly address: RedisAddress,
    private readonly onError: (error: unknown) => void,
  ) {}

  async prepare(): Promise<void> {
    // Redis needs nothing, and may be away: producers are told so, workers wait.
  }

  openQueue(name: string): Connected<Queue> {
    const { client, usable, destroy } = this.connect(PRODUCER);
    // The check of Redis' version is a command: should the connection be lost in that moment, the Queue would be broken for good.
    const instance = new Queue(name, { connection: client, skipVersionCheck: true }, createRedisBackend);
    return { instance, usable, destroy };
  }

  openWorker(name: string, processor: Processor, options: Omit<WorkerOptions, 'connection'>) {
    const { client, usable, destroy } = this.connect(WORKER);
    const instance = new PatientWorker(
      name,
      processor,
      { ...options, connection: client, autorun: false },
      createRedisBackend,
    );
    return { instance, usable, destroy };
  }

  private connect(options: RedisOptions) {
    const clients: Redis[] = [];
    const own = (client: Redis): Redis => {
      clients.push(client);
      // For as long as it lives: BullMQ takes its listener off when it closes, and an error without a listener ends the process.
      client.on('error', this.onError);
      return client;
    };
    const client = own(
      typeof this.address === 'string'
        ? new Redis(this.address, options)
        : new Redis({ ...this.address, ...options }),
    );
    // BullMQ duplicates the client for its blocking command, and would wait for an answer to end the duplicate.
    const duplicate = client.duplicate.bind(client);
    client.duplicate = (override) => own(duplicate(override));
    const stopPinging = pingRegularly(client);

    const destroy = async (): Promise<void> => {
      stopPinging();
      await Promise.all(clients.map(disconnected));
    };
    return { client, usable: () => client.status === 'ready', destroy };
  }
}

/**
 * A frozen or cut-off server keeps its sockets open, for up to 15 minutes of TCP's retransmissions. A connection that does not answer is
 * made anew; a worker's commands are then sent again, a producer's rejected.
 */
function pingRegularly(client: Redis): () => void {
  let silence: NodeJS.Timeout | undefined;
  const heard = (): void => {
    clearTimeout(silence);
    silence = undefined;
  };
  const pings = setInterval(() => {
    if (client.status !== 'ready' || silence) return;
    silence = setTimeout(() => {
      silence = undefined;
      client.disconnect(true);
    }, SILENCE_MS).unref();
    // A refusal is an answer, too, and a lost connection is no silence.
    client.ping().then(heard, heard);
  }, PING_EVERY_MS).unref();
  return () => {
    clearInterval(pings);
    heard();
  };
}

/** Ends a connection in whatever state it is; what still waits for an answer is rejected. */
async function disconnected(client: Redis): Promise<void> {
  if (client.status === 'end') return;
  const ended = new Promise<void>((resolve) => {
    client.once('end', resolve);
    setTimeout(resolve, 500).unref();
  });
  client.disconnect();
  if (client.status === 'reconnecting') {
    // Between two attempts to connect there is no socket whose end ioredis could notice: it would keep its commands for ever, and
    // BullMQ the timers that go with them. So it gets an attempt to break off.
    client.connect().catch(() => {});
    client.disconnect();
  }
  await ended;
}
