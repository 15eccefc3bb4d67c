import { Controller, Get, Header, Headers, Inject, Res } from '@nestjs/common';
import type { Response } from 'express';
import type { Registry } from 'prom-client';
import type { ResolvedOptions } from '../contract/options/options.js';
import { RESOLVED_OPTIONS } from '../contract/tokens.js';
import { openMetricsOf } from '../metrics/open-metrics.js';
import { OnAdminPort } from './admin-port.js';

/** prom-client's {@link Registry}. */
export const METRICS_REGISTRY = Symbol('tidings:metrics-registry');

/** The endpoint that Prometheus scrapes. */
@Controller()
@OnAdminPort()
export class MetricsController {
  constructor(
    @Inject(METRICS_REGISTRY) private readonly registry: Registry,
    @Inject(RESOLVED_OPTIONS) private readonly options: Pick<ResolvedOptions, 'tracing'>,
  ) {}

  /** As OpenMetrics only where there may be exemplars: without traces nothing changes for a scraper. */
  @Get('metrics')
  @Header('Cache-Control', 'no-store')
  @Header('Vary', 'Accept')
  metrics(
    @Headers('accept') accept: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<string> {
    const isAccepted = accept?.includes('application/openmetrics-text') ?? false;
    const registry = isAccepted && this.options.tracing ? openMetricsOf(this.registry) : this.registry;
    response.setHeader('Content-Type', registry.contentType);
    return registry.metrics();
  }
}
