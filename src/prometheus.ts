/** `tidings/prometheus`: the metrics of the service in a host's own registry of prom-client, an optional peer. */
export { PrometheusMetrics } from './metrics/prometheus.js';
