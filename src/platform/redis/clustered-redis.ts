import { Cluster, Command, type ClusterOptions, type Redis, type RedisOptions } from 'ioredis';
import type { RedisClusterAddress } from '../../contract/options/connections.js';
import { CLUSTER, NODE, untilEnd, type RedisServer, type RedisUse } from './redis-server.js';

const END_MS = 1_000;

/** ioredis sends a command again when a node is lost or has lost its slots; with 0 only where a node passes it on (MOVED). */
const OPTIONS: Readonly<Record<RedisUse, ClusterOptions>> = {
  producer: { enableOfflineQueue: false, retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 },
  // Half a minute, in which a replica takes over; a job whose end cannot be reported by then is found stalled by another worker anyway.
  worker: { retryDelayOnFailover: 500, retryDelayOnClusterDown: 500, maxRedirections: 60 },
  // Commands may wait: ioredis connects to a node with the first of them, and would refuse the next. A late message does no harm, and while
  // the whole cluster is unavailable nothing is sent.
  bus: { shardedSubscribers: true, retryDelayOnFailover: 0, retryDelayOnClusterDown: 0 },
};

/** BullMQ requires `null` of blocking connections; the nodes of a cluster do not try again at all. */
const NODES: Readonly<Record<RedisUse, RedisOptions>> = {
  producer: { maxRetriesPerRequest: null },
  worker: { maxRetriesPerRequest: null },
  bus: {},
};

/**
 * A Redis Cluster. All keys of a queue are in one slot, so that one node has them, the **owner** here:
 *
 *     unavailable --ready--> there is an owner --its connection is lost--> none --MOVED, or the slots are read again--> there is an owner
 *       ^---------------- no node is left -------------------------------------'
 *
 * ioredis connects to a node with the first command for it and refuses a producer's others meanwhile; hence {@link reach}.
 */
export class ClusteredRedis implements RedisServer {
  readonly client: Cluster;
  private readonly clusters: Cluster[] = [];
  private readonly slot: number | null;

  /** @param key A key of the queue; the bus has none, for its channels are in all slots. */
  constructor(
    address: RedisClusterAddress,
    use: RedisUse,
    key: string | null,
    private readonly onError: (error: unknown) => void,
  ) {
    this.slot = key === null ? null : new Command('get', [key]).getSlot();
    this.client = this.own(
      new Cluster([...address.nodes], {
        ...address.options,
        ...CLUSTER,
        ...OPTIONS[use],
        redisOptions: { ...address.redisOptions, ...NODE, ...NODES[use] },
      }),
    );
    const duplicate = this.client.duplicate.bind(this.client);
    this.client.duplicate = (nodes, options) => this.own(duplicate(nodes, options));
  }

  get usable(): boolean {
    return this.client.status === 'ready' && (this.slot === null || this.owner?.status === 'ready');
  }

  async reach(): Promise<void> {
    if (this.client.status !== 'ready') throw new Error('the Redis Cluster is not connected');
    if (!this.owner) await this.readSlots();
    // It waits for the connection, and is refused if there will be none.
    await this.owner?.ping();
  }

  /** Without a queue, any node is asked for the slots; so a replica that took over is found, too. */
  async probe(): Promise<void> {
    const { owner } = this;
    if (!owner) return this.readSlots();
    // One that still loads its data takes longer than an answer may, and one that waits for its first use is connected by it.
    if (owner.status === 'ready' || owner.status === 'wait') await owner.ping();
  }

  reconnect(): void {
    (this.owner ?? this.client).disconnect(true);
  }

  async end(): Promise<void> {
    await Promise.all(this.clusters.map(ended));
  }

  private get owner(): Redis | undefined {
    if (this.slot === null || this.client.status !== 'ready') return undefined;
    const address = this.client.slots[this.slot]?.[0];
    return this.client.nodes().find(({ options: { host, port } }) => `${host}:${port}` === address);
  }

  private async readSlots(): Promise<void> {
    const { client } = this;
    const problem = await new Promise<Error | null | undefined>((resolve) =>
      client.refreshSlotsCache((error) => resolve(error)),
    );
    if (!problem) return;
    // Of the nodes that it knows none answers, also not those to which it was never connected: it begins again with the first ones.
    if (client.status === 'ready') client.disconnect(true);
    throw problem;
  }

  private own(cluster: Cluster): Cluster {
    this.clusters.push(cluster);
    // For its whole life, see the standalone Redis.
    cluster.on('error', this.onError);
    cluster.on('close', () => endReset(cluster));
    return cluster;
  }
}

/**
 * ioredis connects to the nodes that take subscriptions one topology at a time. If the cluster is lost meanwhile, it waits for connections
 * that it has given up, and from then on for each topology: no node would take a subscription again.
 */
function endReset(cluster: Cluster): void {
  const { shardedSubscribers } = cluster as unknown as { shardedSubscribers?: { isResetting: boolean } };
  if (shardedSubscribers) shardedSubscribers.isResetting = false;
}

async function ended(cluster: Cluster): Promise<void> {
  if (cluster.status === 'end') return;
  const end = untilEnd(cluster, END_MS);
  const abandoned = cluster.nodes().length === 0;
  cluster.disconnect();
  if (abandoned) {
    // ioredis ends with the last of its nodes, and between two attempts to connect it has none: it would keep its commands forever. So it
    // gets an attempt to abort.
    cluster.once('+node', () => setImmediate(() => cluster.disconnect()));
    cluster.connect().catch(() => {});
  }
  await end;
}
