import type { AddressInfo } from 'node:net';
import { Module, type DynamicModule } from '@nestjs/common';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { corsOptions, ProblemFilter } from '../http/index.js';
import { SHIPPED_TYPES } from '../jobs/index.js';
import { DrainState } from './health/drain-state.js';
import { HealthController } from './health/health.controller.js';
import { PrometheusMetrics } from '../metrics/prometheus.js';
import { Readiness } from './health/readiness.js';
import { DEMO_CREDENTIALS, DemoController } from './demo/demo.controller.js';
import type { Life } from './lifecycle.js';
import { METRICS_REGISTRY, MetricsController } from './metrics.controller.js';
import { DocsController } from './openapi/docs.controller.js';
import type { Composition, ServicePlan } from './start.js';
import { TidingsModule } from '../module/tidings.module.js';

/** Longer than usual proxies keep an idle connection (nginx 60 s), or they would send requests into a closing one. */
const KEEP_ALIVE_MS = 65_000;

/** The module as a standalone service: with health, metrics, `/docs` and, for development, the demo page. */
@Module({})
export class ServiceModule {
  static forRoot({ options, credentials }: ServicePlan): DynamicModule {
    // Not the global registry: a second service in one process (a test) would collide with the first one's
    // names.
    const register = new Registry();
    collectDefaultMetrics({ register });
    const metrics = new PrometheusMetrics({ register });
    return {
      module: ServiceModule,
      imports: [TidingsModule.forRoot({ ...options, metrics, controllers: options.roles?.includes('api') })],
      controllers: [
        HealthController,
        MetricsController,
        DocsController,
        ...(credentials ? [DemoController] : []),
      ],
      providers: [
        DrainState,
        Readiness,
        { provide: METRICS_REGISTRY, useValue: register },
        { provide: DEMO_CREDENTIALS, useValue: credentials },
      ],
    };
  }
}

async function open(plan: ServicePlan, life: Life): Promise<string> {
  const app = await NestFactory.create<NestExpressApplication>(ServiceModule.forRoot(plan), {
    // The lifecycle reports errors of the start.
    abortOnError: false,
    // The routes parse their bodies themselves, after the credential.
    bodyParser: false,
    // Idle keep-alive connections would delay the shutdown.
    forceCloseConnections: true,
  });
  life.onStop('The application', () => {
    app.get(DrainState).begin();
    return app.close();
  });

  app.disable('x-powered-by');
  app.enableCors(corsOptions(plan.settings.options.http?.allowedOrigins ?? []));
  app.useGlobalFilters(new ProblemFilter(app.get(HttpAdapterHost)));

  const server = app.getHttpServer();
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await app.listen(plan.settings.port, plan.settings.host);
  return originOf(server.address() as AddressInfo);
}

function originOf({ address, family, port }: AddressInfo): string {
  // One cannot connect to a wildcard address.
  if (address === '0.0.0.0' || address === '::') return `http://localhost:${port}`;
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}

/** Composes the stages into one service. */
export const composition: Composition = { shippedTypes: SHIPPED_TYPES, open };
