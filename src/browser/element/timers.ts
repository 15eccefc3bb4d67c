/** Named timers. Setting one that is running replaces it. */
export class Timers {
  private readonly running = new Map<string, ReturnType<typeof setTimeout>>();

  set(name: string, ms: number, run: () => void): void {
    this.clear(name);
    const timer = setTimeout(() => {
      this.running.delete(name);
      run();
    }, ms);
    this.running.set(name, timer);
  }

  has(name: string): boolean {
    return this.running.has(name);
  }

  clear(name: string): void {
    clearTimeout(this.running.get(name));
    this.running.delete(name);
  }

  stop(): void {
    for (const name of [...this.running.keys()]) this.clear(name);
  }
}
