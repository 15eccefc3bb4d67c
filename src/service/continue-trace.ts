import type { NextFunction, Request, Response } from 'express';
import { OpenTelemetryTracing } from '../tracing/opentelemetry.js';

/** What a request publishes belongs to the trace of its `traceparent`. */
export function continueTrace(request: Request, _response: Response, next: NextFunction): void {
  OpenTelemetryTracing.continued(request.headers, next);
}
