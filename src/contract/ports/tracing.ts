/** Where a trace goes on elsewhere, as names and values: W3C Trace Context (`traceparent`, `tracestate`). */
export type TraceContext = Readonly<Record<string, string>>;

/** The values of a span's attributes. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A span that is about to begin. */
export interface SpanRequest {
  readonly name: string;
  /** As in OpenTelemetry. Default `internal`. */
  readonly kind?: 'internal' | 'producer' | 'consumer';
  readonly attributes?: SpanAttributes;
  /** What caused it elsewhere. Default: the active span. */
  readonly parent?: TraceContext | null;
}

/** Records traces. The adapter is `tidings/opentelemetry`. */
export interface Tracing {
  /** Runs the work in a span, which is active meanwhile, and ends with an error if the work fails. */
  span<Result>(request: SpanRequest, work: () => Promise<Result>): Promise<Result>;
  /** Records a span that takes no time. */
  mark(request: SpanRequest): void;
  /** The active span, to be continued elsewhere; `null`: there is none, or it is not recorded. */
  active(): TraceContext | null;
}

/** Runs the work in a span, if traces are recorded. Without, nothing is made. */
export function traced<Result>(
  tracing: Tracing | null,
  request: () => SpanRequest,
  work: () => Promise<Result>,
): Promise<Result> {
  return tracing ? tracing.span(request(), work) : work();
}
