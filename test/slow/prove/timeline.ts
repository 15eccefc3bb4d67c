/** Something that happened, in ms since the beginning of the run. */
export interface Happening {
  readonly at: number;
  readonly what: string;
}

/** A machine that is busy with other work takes many times as long for everything. */
export const PATIENCE_MS = 240_000;

const startedAt = performance.now();

/** Ms since the beginning of the run. */
export function now(): number {
  return Math.round(performance.now() - startedAt);
}

/** What was done to the deployment and what it did by itself, to be read beside the history of an entry. */
export class Timeline {
  readonly events: Happening[] = [];

  add(what: string): void {
    this.events.push({ at: now(), what });
  }

  between(from: number, to: number): Happening[] {
    return this.events.filter(({ at }) => at >= from && at <= to);
  }
}
