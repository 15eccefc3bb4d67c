import type { LogEntry } from '../contract/model/entry.js';
import { spanOf } from '../contract/model/span.js';
import type { Clock } from '../contract/ports/clock.js';
import type { Metrics, TraceIds } from '../contract/ports/metrics.js';
import type { Tracing } from '../contract/ports/tracing.js';

/** A notification's frame begins with its type, which has no quotes, and its id, a UUID of version 7: the time of the append is in it. */
const ID = '"id":"';
const HEX = /^[0-9a-f]{12}$/;
/** Any program can write it: what has another form names no trace. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/**
 * Reports the frames of notifications on streams that waited for them: how long they took, and to their traces. What is replayed says how long
 * the client was away, and is not reported.
 */
export class Arrivals {
  constructor(
    private readonly metrics: Pick<Metrics, 'entryShown'>,
    private readonly tracing: Tracing | null,
    private readonly clock: Clock,
  ) {}

  observe(entries: readonly LogEntry[]): void {
    if (this.metrics.entryShown) this.measure(entries);
    if (this.tracing) this.trace(entries, this.tracing);
  }

  private trace(entries: readonly LogEntry[], tracing: Tracing): void {
    for (const { type, traceparent } of entries) {
      if (traceparent !== undefined) tracing.mark(spanOf('write', { type, parent: { traceparent } }));
    }
  }

  private measure(entries: readonly LogEntry[]): void {
    const now = this.clock.now();
    for (const { json, traceparent, publishedAt = null } of entries) {
      const committedAt = json === null ? null : appendedAt(json);
      if (committedAt === null) continue;
      // Clocks that differ by a little must not make a latency negative.
      const since = (at: number): number => Math.max(0, now - at);
      this.metrics.entryShown?.({
        sinceAppendMs: since(committedAt),
        sincePublishMs: publishedAt === null ? null : since(publishedAt),
        trace: traceparent === undefined ? null : traceIdsOf(traceparent),
      });
    }
  }
}

/** `null` also for a trace that is not sampled (the lowest bit of the flags): nobody keeps it. */
function traceIdsOf(traceparent: string): TraceIds | null {
  const [, traceId, spanId, flags = ''] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined) return null;
  return (parseInt(flags, 16) & 1) === 1 ? { traceId, spanId } : null;
}

/** When the notification was appended, on the clock of the database; `null` for a change of state. */
export function appendedAt(json: string): number | null {
  const at = json.indexOf(ID);
  if (at === -1 || at > 128) return null;
  const id = at + ID.length;
  const hex = json.slice(id, id + 8) + json.slice(id + 9, id + 13);
  return HEX.test(hex) ? Number.parseInt(hex, 16) : null;
}
