/** `tidings/prometheus`: the metrics of the service in a host's own registry of prom-client, an optional peer. */
export { openMetricsOf } from './metrics/open-metrics.js';
export { PrometheusMetrics } from './metrics/prometheus.js';
