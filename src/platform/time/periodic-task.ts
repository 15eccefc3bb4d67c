import { jittered } from './jitter.js';

/**
 * Work that is repeated while the process runs, one run at a time:
 *
 *     new --start()--> waiting --timer--> running --done or failed--> waiting
 *       any state --stop()--> stopped
 */
export class PeriodicTask {
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private isStopped = false;

  constructor(
    private readonly work: () => Promise<unknown>,
    /** Jittered by a fifth each way: processes of one deploy must not run in step. */
    private readonly everyMs: number,
    private readonly on: { readonly succeeded?: () => void; readonly failed: (error: unknown) => void },
  ) {}

  /** For the work itself: whether it should end early. */
  get stopped(): boolean {
    return this.isStopped;
  }

  start(): void {
    if (this.isStopped || this.timer) return;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.running = this.run();
      },
      jittered(this.everyMs, 0.2),
    ).unref();
  }

  /** Resolves when a run that is under way has ended. */
  async stop(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.timer);
    await this.running;
  }

  private async run(): Promise<void> {
    try {
      await this.work();
      this.on.succeeded?.();
    } catch (error) {
      this.on.failed(error);
    } finally {
      this.start();
    }
  }
}
