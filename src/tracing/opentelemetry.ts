import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Tracer,
  type TracerProvider,
} from '@opentelemetry/api';
import type { SpanRequest, TraceContext, Tracing } from '../contract/ports/tracing.js';

const NAME = 'tidings';

const KINDS = {
  internal: SpanKind.INTERNAL,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

/**
 * Records traces with the OpenTelemetry API, for the option `tracing`. Your SDK decides where they go:
 *
 * ```ts
 * TidingsModule.forRoot({ ..., tracing: new OpenTelemetryTracing() })
 * ```
 */
export class OpenTelemetryTracing implements Tracing {
  readonly #tracer: Tracer;

  /** @param options `tracerProvider`. Default: the global one, which the SDK registers. */
  constructor({
    tracerProvider = trace,
  }: { readonly tracerProvider?: Pick<TracerProvider, 'getTracer'> } = {}) {
    this.#tracer = tracerProvider.getTracer(NAME);
  }

  /** Whether an SDK is registered: without one, spans are made and lead nowhere. */
  static get isRegistered(): boolean {
    return isSpanContextValid(trace.getTracer(NAME).startSpan('registered').spanContext());
  }

  /** Runs the work as a part of the trace that a request's headers name, unless an instrumentation of HTTP has done so. */
  static continued(headers: object, work: () => void): void {
    if (trace.getActiveSpan()) return work();
    context.with(propagation.extract(ROOT_CONTEXT, headers), work);
  }

  async span<Result>(request: SpanRequest, work: () => Promise<Result>): Promise<Result> {
    const parent = contextOf(request);
    const span = this.#tracer.startSpan(request.name, optionsOf(request), parent);
    try {
      return await context.with(trace.setSpan(parent, span), work);
    } catch (error) {
      if (error instanceof Error) span.recordException(error);
      span.setStatus({
        code: SpanStatusCode.ERROR,
        message: error instanceof Error ? error.message : String(error),
      });
      throw error;
    } finally {
      span.end();
    }
  }

  mark(request: SpanRequest): void {
    this.#tracer.startSpan(request.name, optionsOf(request), contextOf(request)).end();
  }

  active(): TraceContext | null {
    const active = context.active();
    const span = trace.getSpanContext(active);
    // What is not recorded need not be carried: whoever continues it would record nothing either.
    if (!span || !isSpanContextValid(span) || !(span.traceFlags & TraceFlags.SAMPLED)) return null;
    const carrier: Record<string, string> = {};
    propagation.inject(active, carrier);
    return carrier['traceparent'] === undefined ? null : carrier;
  }
}

function contextOf({ parent }: SpanRequest): Context {
  return parent ? propagation.extract(ROOT_CONTEXT, parent) : context.active();
}

function optionsOf({ kind = 'internal', attributes }: SpanRequest) {
  return { kind: KINDS[kind], attributes };
}
