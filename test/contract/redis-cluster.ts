import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/ports.js';
import { RedisServer } from '../support/redis.js';

const SLOTS = 16_384;

/** A Redis Cluster of masters that share the slots; default: the smallest one, a single node that holds all. */
export async function startRedisCluster(masters = 1): Promise<RedisClusterServer> {
  const cluster = new RedisClusterServer(
    await Promise.all(
      // A node that is alone does not know its own address, and ioredis leaves out a node without one.
      Array.from(
        { length: masters },
        async () =>
          new RedisServer(await freePort(), true, {
            'cluster-enabled': 'yes',
            'cluster-announce-ip': '127.0.0.1',
          }),
      ),
    ),
  );
  try {
    await cluster.start();
    await cluster.join();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

/** What happens to it happens to all of its nodes. */
export class RedisClusterServer {
  constructor(readonly nodes: readonly RedisServer[]) {}

  /** Of the first node. */
  get port(): number {
    return this.nodes[0]!.port;
  }

  get urls(): string[] {
    return this.nodes.map(({ url }) => url);
  }

  async start(): Promise<void> {
    await this.each((node) => node.start());
  }

  async stop(): Promise<void> {
    await this.each((node) => node.stop());
  }

  pause(): void {
    for (const node of this.nodes) node.pause();
  }

  resume(): void {
    for (const node of this.nodes) node.resume();
  }

  /** Makes one cluster of the nodes, once. */
  async join(): Promise<void> {
    const share = Math.ceil(SLOTS / this.nodes.length);
    await this.each((node, index) =>
      asking(node, async (client) => {
        const last = Math.min(SLOTS, (index + 1) * share) - 1;
        await client.call('CLUSTER', 'ADDSLOTSRANGE', String(index * share), String(last));
        await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1));
      }),
    );
    await asking(this.nodes[0]!, async (client) => {
      for (const { port } of this.nodes.slice(1)) {
        await client.call('CLUSTER', 'MEET', '127.0.0.1', String(port));
      }
    });
    await this.each((node) =>
      asking(node, (client) =>
        eventually(
          async () => {
            const info = String(await client.call('CLUSTER', 'INFO'));
            return (
              info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${this.nodes.length}`)
            );
          },
          { timeoutMs: 20_000 },
        ),
      ),
    );
  }

  private async each(act: (node: RedisServer, index: number) => Promise<unknown>): Promise<void> {
    await Promise.all(this.nodes.map(act));
  }
}

async function asking<T>(node: RedisServer, ask: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(node.url);
  client.on('error', () => {}); // a command says it, too
  try {
    return await ask(client);
  } finally {
    client.disconnect();
  }
}
