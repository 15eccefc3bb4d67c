import type { Clock } from '../../contract/ports/clock.js';
import { PeriodicTask } from '../../platform/time/periodic-task.js';
import type { LogDatabase } from './database.js';

/** Clocks of two machines that run NTP drift by less than a millisecond in this time. */
const EVERY_MS = 30_000;
/** Of this many answers the fastest says most about the clock: it spent the least time on the way. */
const SAMPLES = 5;

interface Sample {
  readonly tookMs: number;
  readonly offsetMs: number;
}

/** Follows the clock of the database, by asking for its time now and then: latencies that are measured across machines need one clock. */
export class DatabaseClock implements Clock {
  private readonly task: PeriodicTask;
  private samples: Sample[] = [];
  private offsetMs = 0;

  constructor(private readonly database: LogDatabase) {
    // The log reports its outages by itself; until it is back, the last offset counts.
    this.task = new PeriodicTask(() => this.sync(), EVERY_MS, { failed: () => {} });
  }

  async start(): Promise<void> {
    await this.sync().catch(() => {});
    this.task.start();
  }

  stop(): Promise<void> {
    return this.task.stop();
  }

  now(): number {
    return Date.now() + this.offsetMs;
  }

  private async sync(): Promise<void> {
    const before = Date.now();
    const [row] = await this.database.query<{ ms: number }>(
      `SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::double precision AS ms`,
    );
    const after = Date.now();
    const sample = { tookMs: after - before, offsetMs: row!.ms - (before + after) / 2 };
    this.samples = [...this.samples, sample].slice(-SAMPLES);
    this.offsetMs = this.samples.reduce((best, one) => (one.tookMs <= best.tookMs ? one : best)).offsetMs;
  }
}
