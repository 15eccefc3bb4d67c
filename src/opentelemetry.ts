/** `tidings/opentelemetry`: traces with `@opentelemetry/api`, an optional peer. */
export { OpenTelemetryTracing } from './tracing/opentelemetry.js';
