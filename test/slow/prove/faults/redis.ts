import { connect } from 'node:net';
import { Redis } from 'ioredis';
import { eventually } from '../../../support/eventually.js';
import type { RedisServer } from '../../../support/redis.js';
import { placesOf, QueueView } from '../queue-view.js';
import type { World } from '../world.js';
import { sleep, type Fault } from './fault.js';

function redisOf(world: World): RedisServer {
  if (world.redis === null) throw new Error('There is no Redis in this world');
  return world.redis;
}

const killed: Fault = {
  name: 'Redis killed, with its append-only file',
  part: 'redis',
  backend: 'redis',
  async inject({ world, random }) {
    await redisOf(world).kill();
    await sleep(random.int(0, 1_000));
    await redisOf(world).start();
  },
};

const restarted: Fault = {
  name: 'Redis restarted',
  part: 'redis',
  backend: 'redis',
  async inject({ world }) {
    await redisOf(world).stop();
    await redisOf(world).start();
  },
};

const subscriptionsKilled: Fault = {
  name: "Redis kills the bus's subscriptions",
  part: 'redis',
  backend: 'redis',
  async inject({ world, random }) {
    for (let times = random.int(1, 3); times > 0; times--) {
      await command(redisOf(world).port, 'CLIENT KILL TYPE pubsub').catch(() => {});
      await sleep(random.int(50, 500));
    }
  },
};

const frozen: Fault = {
  name: 'Redis frozen',
  part: 'redis',
  backend: 'redis',
  async inject({ world, profile }) {
    redisOf(world).pause();
    await sleep(profile.freezeMs);
    redisOf(world).resume();
  },
};

/** Nobody can reach it while it is looked at, so that what it had when it died is known. */
const emptied: Fault = {
  name: 'Redis killed without an append-only file',
  part: 'redis',
  backend: 'redis',
  async inject({ world, ledger }) {
    const ways = world.waysTo('redis');
    const ports = new Set(ways.flatMap((way) => way.ports));
    const reopen = ways.map((way) => way.shut());
    await untilGone(redisOf(world).url, ports);
    const view = QueueView.open(world);
    const pending = placesOf(await view.pending());
    await view.close();
    await redisOf(world).kill();
    await redisOf(world).start();
    ledger.excuse('was on the queue when Redis lost it', ({ index }, recipient) =>
      pending.has(recipient, index),
    );
    for (const open of reopen) open();
  },
};

/** The bus on either backend. */
const lossyBus: Fault = {
  name: 'messages of the bus dropped',
  part: 'network',
  async inject({ world, random }) {
    world.busIsLossy = true;
    await sleep(random.int(1_500, 3_000));
    world.busIsLossy = false;
  },
};

/** Resolves when Redis has no client with one of these ports any more: it works on all that they have sent before it notices their end. */
async function untilGone(url: string, ports: ReadonlySet<number>): Promise<void> {
  const client = new Redis(url);
  try {
    await eventually(async () => {
      const list = String(await client.call('CLIENT', 'LIST'));
      return ![...list.matchAll(/ addr=\S+:(\d+) /g)].some(([, port]) => ports.has(Number(port)));
    });
  } finally {
    client.disconnect();
  }
}

/** One inline command. */
function command(port: number, line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${line}\r\n`));
    socket.setTimeout(2_000, () => socket.destroy(new Error('no answer')));
    socket.once('data', () => socket.destroy());
    socket.once('error', reject);
    socket.once('close', () => resolve());
  });
}

export const REDIS_FAULTS: readonly Fault[] = [killed, restarted, subscriptionsKilled, frozen];
export const EMPTIED: Fault = emptied;
export const LOSSY_BUS: Fault = lossyBus;
