import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Registry } from 'prom-client';
import { OnAdminPort } from './admin-port.js';

/** prom-client's {@link Registry}. */
export const METRICS_REGISTRY = Symbol('tidings:metrics-registry');

/** The endpoint that Prometheus scrapes. */
@Controller()
@OnAdminPort()
export class MetricsController {
  constructor(@Inject(METRICS_REGISTRY) private readonly registry: Registry) {}

  @Get('metrics')
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  @Header('Cache-Control', 'no-store')
  metrics(): Promise<string> {
    return this.registry.metrics();
  }
}
