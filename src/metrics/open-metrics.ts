import { Registry, type Metric, type OpenMetricsContentType } from 'prom-client';

/**
 * A registry as OpenMetrics, which has exemplars. prom-client takes `_total` off the names of counters to write it, for ever; so it gets views of the
 * metrics, whose names are their own, and the registry can be written in the format of Prometheus afterwards.
 */
export function openMetricsOf(registry: Registry): Registry<OpenMetricsContentType> {
  const view = new Registry<OpenMetricsContentType>();
  view.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const metric of registry.getMetricsAsArray() as unknown as Metric[]) {
    view.registerMetric(Object.create(metric) as Metric);
  }
  return view;
}
