/** The load generator, one process for all servers: raw sockets, and BullMQ to put jobs on queues. Does what run.ts says. */
import type { Arrived } from '../arrivals.js';
import type { Latency } from '../latencies.js';
import type { QueueAddress } from '../queue.js';
import { serve } from '../rpc.js';
import type { PublishPlan } from './http-publisher.js';
import { Producer, type Rate } from './producer.js';
import { ReturningClients, type Returns, type ReturningPlan } from './returning.js';
import { Streams, type StreamsPlan } from './streams.js';

/** What the load generator does. `group` names the streams of one server. */
export interface Load {
  addStreams(group: string, plan: StreamsPlan): void;
  openStreams(group: string, resume: boolean): Promise<number>;
  closeStreams(group: string): void;
  expect(group: string, entries: number): void;
  arrived(group: string): Promise<Arrived>;
  fill(address: QueueAddress, users: readonly string[], jobs: number): Promise<void>;
  resume(address: QueueAddress): Promise<void>;
  fanOut(address: QueueAddress, users: readonly string[], each: number): Promise<void>;
  publish(plan: PublishPlan, users: readonly string[], jobs: number, connections: number): Promise<void>;
  publishToAll(plan: PublishPlan, users: readonly string[], each: number): Promise<void>;
  /** Publishes evenly and resolves with the latencies when all entries arrived. */
  latency(
    group: string,
    to: PublishPlan | QueueAddress,
    users: readonly string[],
    rate: Rate,
  ): Promise<Latency>;
  /** Announces something to everybody, and resolves with the time that it took to each of these streams, in ms, sorted. */
  announce(plan: PublishPlan, expected: Readonly<Record<string, number>>): Promise<number[]>;
  /** Opens streams that come back when they end, and publishes to them until they are ended. */
  beginReturning(plan: ReturningPlan): Promise<void>;
  endReturning(): Promise<Returns>;
  /** Evenly, with the time of its sending in each job. */
  addStamped(address: QueueAddress, users: readonly string[], rate: Rate): Promise<void>;
}

const groups = new Map<string, Streams>();
const producer = new Producer();
let returning: ReturningClients | null = null;

function streams(group: string): Streams {
  const found = groups.get(group);
  if (!found) throw new Error(`No streams ${group}`);
  return found;
}

serve({
  addStreams: (group, plan) => void groups.set(group, new Streams(plan)),
  openStreams: (group, resume) => streams(group).open(resume),
  closeStreams: (group) => groups.get(group)?.close(),
  expect: (group, entries) => streams(group).expect(entries),
  arrived: (group) => streams(group).arrived(),
  fill: (address, users, jobs) => producer.fill(address, users, jobs),
  resume: (address) => producer.resume(address),
  fanOut: (address, users, each) => producer.fanOut(address, users, each),
  publish: (plan, users, jobs, connections) => producer.publish(plan, users, jobs, connections),
  publishToAll: (plan, users, each) => producer.publishToAll(plan, users, each),
  latency: async (group, to, users, rate) => {
    const own = streams(group);
    own.expect(rate.jobs);
    await producer.publishAtRate(to, users, rate, (task) => own.sent(task));
    const arrived = await own.arrived();
    producer.endRate();
    return own.latency(arrived);
  },
  announce: async (plan, expected) => {
    const own = Object.entries(expected).map(([group, entries]) => {
      const each = streams(group);
      each.expect(entries);
      each.sent(0);
      return each;
    });
    await producer.announce(plan);
    await Promise.all(own.map((each) => each.arrived()));
    return own.flatMap((each) => each.delays).sort((a, b) => a - b);
  },
  beginReturning: (plan) => (returning = new ReturningClients(plan)).begin(),
  endReturning: async () => {
    if (returning === null) throw new Error('No clients were begun');
    return returning.end();
  },
  addStamped: (address, users, rate) => producer.addStamped(address, users, rate),
} satisfies Load);
console.log('ready');
