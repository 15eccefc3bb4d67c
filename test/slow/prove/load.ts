import { setTimeout as delay } from 'node:timers/promises';
import { HttpProducer } from './http-producer.js';
import type { Ledger, Notification } from './ledger.js';
import { jobOf, PlainProducer } from './plain-producer.js';
import type { Random } from './random.js';
import { TypedProducer } from './typed-producer.js';
import type { World } from './world.js';

/** How much is sent. */
export interface Rate {
  /** Jobs for one recipient. */
  readonly singlesPerSecond: number;
  /** Jobs for most of the recipients at once. */
  readonly broadcastsPerSecond: number;
}

const TICK_MS = 50;
/** With the queue away, more would only be refused. */
const MOST_UNDER_WAY = 400;
const STOP_MS = 60_000;
/** A backlog that a busy machine could not work off in the time that a run has. An outage of half a minute fits in. */
const LONGEST_BACKLOG = 1_200;

/** Several producers that keep sending, in every way there is. */
export class Load {
  private readonly plain: readonly PlainProducer[];
  private readonly http: readonly HttpProducer[];
  private readonly typed: TypedProducer;
  private readonly underWay = new Set<Promise<unknown>>();
  private running: Promise<void> | null = null;
  private stopping = false;
  private quiet = false;
  private keys = 0;

  constructor(
    readonly scenario: string,
    world: World,
    private readonly ledger: Ledger,
    private readonly random: Random,
    private readonly recipients: readonly string[],
    private readonly rate: Rate,
  ) {
    const ports = world.apis.map(({ door }) => door.port);
    this.plain = ['plain-1', 'plain-2'].map((name) => new PlainProducer(name, world.queueUrl, ledger));
    this.http = ['http-1', 'http-2'].map((name) => new HttpProducer(name, ports, ledger, random.fork(name)));
    this.typed = new TypedProducer('typed', world, ledger, random.fork('typed'));
  }

  /** How many were accepted, by the door that they came through. */
  get doors(): ReadonlyMap<string, number> {
    const doors = new Map(this.typed.accepted);
    for (const { outcomes } of this.http) {
      for (const [outcome, count] of outcomes)
        doors.set(`POST, ${outcome}`, (doors.get(`POST, ${outcome}`) ?? 0) + count);
    }
    const jobs = this.plain.reduce((sum, { accepted }) => sum + accepted, 0);
    return doors.set('BullMQ', jobs);
  }

  get complaints(): string[] {
    return this.http.flatMap(({ complaints }) => complaints);
  }

  /** The slowest answer to a POST, ms. */
  get slowestMs(): number {
    return Math.max(...this.http.map(({ slowestMs }) => slowestMs));
  }

  start(): void {
    this.running = this.run();
  }

  /** Sends no more. Resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
    // A client of a queue that lost its connection at a bad moment may never answer; what it did not say is unknown.
    await Promise.race([Promise.all(this.underWay), delay(STOP_MS, undefined, { ref: false })]);
    for (const producer of this.http) producer.close();
    await Promise.all([...this.plain, this.typed].map((producer) => producer.close()));
  }

  /** Sends nothing while `act` runs. */
  async quietly<T>(act: () => Promise<T>): Promise<T> {
    this.quiet = true;
    try {
      await Promise.all(this.underWay);
      return await act();
    } finally {
      this.quiet = false;
    }
  }

  /** One notification under one key, from all producers at once. */
  sendDuplicates(): void {
    const notification = this.open(this.oneOrMore(), 'duplicates');
    const key = this.key();
    const job = jobOf(notification, key);
    for (const producer of this.plain) this.track(producer.send(notification, job));
    for (const producer of this.http) this.track(producer.send(notification, job, `${key}-${producer.name}`));
    this.track(this.typed.notify(notification, key));
    this.track(this.typed.notifyInTransaction(notification, { dedupeKey: key }));
  }

  /** Many, in bulks, with titles of so many characters. Resolves when so many are accepted. */
  async flood(recipients: readonly string[], count: number, bulk: number): Promise<void> {
    const most = bulk > 0 ? 25 : 100;
    for (let accepted = 0; accepted < count && !this.stopping;) {
      const some = Array.from({ length: Math.min(most, count - accepted) }, () =>
        this.open(recipients, 'flood'),
      );
      const jobs = some.map((one) => jobOf(one, undefined, bulk));
      await this.random.pick(this.plain).sendAll(some, jobs);
      if (some[0]?.outcome === 'accepted') accepted += some.length;
      else await delay(300);
    }
  }

  private async run(): Promise<void> {
    const { singlesPerSecond, broadcastsPerSecond } = this.rate;
    let singles = 0;
    let broadcasts = 0;
    for (let before = performance.now(); !this.stopping;) {
      await delay(TICK_MS);
      const seconds = (performance.now() - before) / 1_000;
      before = performance.now();
      // What a busy machine could not send in time is not sent at all: it must not come all at once.
      singles = Math.min(singles + seconds * singlesPerSecond, Math.max(1, singlesPerSecond));
      broadcasts = Math.min(broadcasts + seconds * broadcastsPerSecond, Math.max(1, broadcastsPerSecond));
      if (this.quiet) continue;
      if (this.underWay.size >= MOST_UNDER_WAY || this.ledger.outstanding(this.scenario) > LONGEST_BACKLOG)
        continue;
      for (; singles >= 1; singles -= 1) this.sendSingle();
      for (; broadcasts >= 1; broadcasts -= 1) this.sendBroadcast();
    }
  }

  private sendBroadcast(): void {
    if (this.random.chance(0.3)) return this.announce();
    const share = 0.6 + 0.4 * this.random.next();
    const some = this.random.sample(this.recipients, Math.ceil(this.recipients.length * share));
    const notification = this.open(some, 'broadcast');
    const job = jobOf(notification);
    if (this.random.chance(0.3)) this.track(this.typed.notifyMany(notification, this.key()));
    else if (this.random.chance(0.5)) this.track(this.random.pick(this.plain).send(notification, job));
    else this.track(this.random.pick(this.http).send(notification, job, this.key()));
  }

  /** To everybody of the scenario, as one row of their audience. */
  private announce(): void {
    const notification = this.open(this.recipients, 'announcement');
    const { data, ...job } = jobOf(notification);
    const announcement = { ...job, data: { ...data, to: { audience: this.scenario } } };
    if (this.random.chance(0.5)) this.track(this.random.pick(this.plain).send(notification, announcement));
    else this.track(this.random.pick(this.http).send(notification, announcement, this.key()));
  }

  private sendSingle(): void {
    const dice = this.random.next();
    if (dice < 0.1) return this.sendDuplicates();
    const { random } = this;
    if (dice < 0.2) return this.sendBulk();
    const notification = this.open([random.pick(this.recipients)], 'single');
    const job = jobOf(notification);
    if (dice < 0.3) {
      this.track(this.typed.notifyInTransaction(notification, { rollBack: random.chance(0.2) }));
    } else if (dice < 0.35) {
      this.track(this.typed.notify(notification));
    } else if (dice < 0.55) {
      const opts = random.chance(0.2) ? { delay: random.int(100, 2_000) } : {};
      this.track(random.pick(this.plain).send(notification, { ...job, opts }));
    } else if (dice < 0.65) {
      this.track(random.pick(this.http).send(notification, job));
    } else {
      this.track(this.sendTwice(notification, this.key()));
    }
  }

  private sendBulk(): void {
    const { random } = this;
    const some = Array.from({ length: random.int(2, 10) }, () =>
      this.open([random.pick(this.recipients)], 'bulk'),
    );
    const jobs = some.map((one) => jobOf(one));
    if (random.chance(0.5)) return this.track(random.pick(this.plain).sendAll(some, jobs));
    const key = random.chance(0.7) ? this.key() : undefined;
    this.track(random.pick(this.http).sendAll(some, jobs, key));
  }

  /** With a key; and, although it was accepted, sometimes again. */
  private async sendTwice(notification: Notification, key: string): Promise<void> {
    const producer = this.random.pick(this.http);
    const again = this.random.chance(0.2);
    await producer.send(notification, jobOf(notification), key);
    if (again) await producer.send(notification, jobOf(notification), key);
  }

  private oneOrMore(): string[] {
    return this.random.sample(this.recipients, this.random.chance(0.7) ? 1 : 5);
  }

  private open(to: readonly string[], how: string): Notification {
    return this.ledger.open(this.scenario, to, how);
  }

  private key(): string {
    this.keys += 1;
    return `${this.scenario}-${this.keys}`;
  }

  private track(sending: Promise<unknown>): void {
    this.underWay.add(sending);
    void sending.finally(() => this.underWay.delete(sending));
  }
}
