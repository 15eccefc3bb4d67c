/** What arrived, and when: absolute times in ms that compare between the processes of one machine. */
export interface Arrived {
  readonly count: number;
  /** When the waiting began: before the first was sent. */
  readonly since: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** The wall clock, in fractions of a ms. */
export function clock(): number {
  return performance.timeOrigin + performance.now();
}

/** Waits for a number of things, for at most so long without any. */
export class Arrivals {
  private expected = 0;
  private count = 0;
  private since = 0;
  private firstAt = 0;
  private lastAt = 0;
  private resolve: (() => void) | null = null;

  constructor(
    private readonly what: string,
    private readonly patienceMs = 30_000,
  ) {}

  expect(expected: number): void {
    this.expected = expected;
    this.count = 0;
    this.since = clock();
    this.firstAt = 0;
  }

  add(): void {
    this.count += 1;
    if (this.count === 1) this.firstAt = clock();
    if (this.count !== this.expected) return;
    this.lastAt = clock();
    this.resolve?.();
  }

  /** @throws if nothing comes for a while, or more than was expected. */
  async done(): Promise<Arrived> {
    let timer: NodeJS.Timeout | undefined;
    if (this.count < this.expected) {
      await new Promise<void>((resolve, reject) => {
        this.resolve = resolve;
        let before = this.count;
        timer = setInterval(() => {
          if (this.count === before)
            reject(new Error(`only ${this.count} of ${this.expected} ${this.what} came`));
          before = this.count;
        }, this.patienceMs);
      }).finally(() => clearInterval(timer));
    }
    if (this.count > this.expected) throw new Error(`${this.count} ${this.what} came for ${this.expected}`);
    return { count: this.count, since: this.since, firstAt: this.firstAt, lastAt: this.lastAt };
  }
}
