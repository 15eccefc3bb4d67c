import type { House } from './world.js';

/**
 * What a process may take beyond what it had with its clients connected and nothing sent yet: the entries in memory for the live feeds (64 MiB),
 * two reads of 100 pages of 256 KiB (50 MiB), a page for each connection, and what V8 has not collected.
 */
export const MEMORY_BOUND_BYTES = 320 * 2 ** 20;

const EVERY_MS = 500;

/** Watches the memory of processes. */
export class MemoryWatch {
  /** The most that one has taken beyond its beginning. */
  mostGrowth = 0;
  peak = 0;
  private readonly timer: NodeJS.Timeout;
  private base = Infinity;

  constructor(private readonly houses: readonly House[]) {
    this.timer = setInterval(() => void this.look(), EVERY_MS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    for (const { service } of this.houses) {
      const bytes = await service.residentBytes();
      // One that has just begun is smaller than any other, and no measure.
      if (bytes === null || bytes < 2 ** 26) continue;
      this.base = Math.min(this.base, bytes);
      this.peak = Math.max(this.peak, bytes);
      this.mostGrowth = Math.max(this.mostGrowth, bytes - this.base);
    }
  }
}
