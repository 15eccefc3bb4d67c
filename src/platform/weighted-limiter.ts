interface Waiting {
  readonly weight: number;
  readonly start: () => void;
}

/** Limits the weight of what runs at once; the rest waits in order. Something heavier than the limit runs alone. */
export class WeightedLimiter {
  private weight = 0;
  private readonly waiting: Waiting[] = [];

  constructor(private readonly limit: number) {}

  async run<T>(weight: number, work: () => Promise<T>): Promise<T> {
    if (this.waiting.length > 0 || !this.hasRoomFor(weight)) {
      await new Promise<void>((start) => this.waiting.push({ weight, start }));
    } else {
      this.weight += weight;
    }
    try {
      return await work();
    } finally {
      this.weight -= weight;
      this.startNext();
    }
  }

  private startNext(): void {
    while (this.waiting.length > 0 && this.hasRoomFor(this.waiting[0]!.weight)) {
      const { weight, start } = this.waiting.shift()!;
      this.weight += weight;
      start();
    }
  }

  private hasRoomFor(weight: number): boolean {
    return this.weight === 0 || this.weight + weight <= this.limit;
  }
}
