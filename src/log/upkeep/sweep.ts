import { Logger } from '@nestjs/common';
import { Outage } from '../../platform/logging/outage.js';
import { PeriodicTask } from '../../platform/time/periodic-task.js';

/** Upkeep of the log that every worker repeats. Several processes may sweep at once: they skip each other's feeds. */
export abstract class Sweep {
  private readonly task: PeriodicTask;

  /** @param name The subject of the log lines about an outage, such as "The retention sweep". */
  protected constructor(name: string, everyMs: number) {
    const outage = new Outage(new Logger('Tidings'), name);
    this.task = new PeriodicTask(() => this.sweep(), everyMs, {
      succeeded: () => outage.end(),
      failed: (error) => outage.begin(error),
    });
  }

  /** For a sweep that is under way: whether it should end early. */
  protected get stopped(): boolean {
    return this.task.stopped;
  }

  start(): void {
    this.task.start();
  }

  stop(): Promise<void> {
    return this.task.stop();
  }

  /** Does everything that is due now. Resolves to the number of what it changed. */
  abstract sweep(): Promise<number>;
}
