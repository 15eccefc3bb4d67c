import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Logger, Module, type DynamicModule } from '@nestjs/common';
import { HttpAdapterHost, NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import helmet from 'helmet';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { adminServer, PortGuard } from './admin-port.js';
import { BOARD_PATH, bullBoard } from './bull-board.js';
import { AdminPrompt, corsOptions, ProblemFilter, Refusals } from '../http/index.js';
import { JobQueue, SHIPPED_TYPES } from '../jobs/index.js';
import { ActionJobs } from '../jobs/after/action-jobs.js';
import { DrainState } from './health/drain-state.js';
import { HealthController } from './health/health.controller.js';
import { PrometheusMetrics } from '../metrics/prometheus.js';
import { Readiness } from './health/readiness.js';
import { DEMO_CREDENTIALS, DemoController } from './demo/demo.controller.js';
import type { Life } from './lifecycle.js';
import { METRICS_REGISTRY, MetricsController } from './metrics.controller.js';
import { DocsController } from './openapi/docs.controller.js';
import { continueTrace } from './continue-trace.js';
import { ExpressServer } from './express-server.js';
import { withRequestId } from './request-id.js';
import { OpenTelemetryTracing } from '../tracing/opentelemetry.js';
import type { Settings } from './settings/settings.js';
import type { Composition, ServicePlan } from './start.js';
import { TidingsModule } from '../module/tidings.module.js';

/** Longer than usual proxies keep an idle connection (nginx 60 s), or they would send requests into a closing one. */
const KEEP_ALIVE_MS = 65_000;
/** Also for bodies that nobody reads, of refused requests or of routes that take none. Node looks every 30 s. */
const REQUEST_MS = { headers: 10_000, whole: 15_000 };

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
      imports: [
        TidingsModule.forRoot({
          ...options,
          metrics,
          // Only if the process was started with an SDK (`node --import`): spans that nobody keeps would cost time.
          tracing: OpenTelemetryTracing.isRegistered ? new OpenTelemetryTracing() : null,
          controllers: options.roles?.includes('api'),
        }),
      ],
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
  const app = await NestFactory.create<NestExpressApplication>(
    ServiceModule.forRoot(plan),
    new ExpressServer(),
    {
      // The lifecycle reports errors of the start.
      abortOnError: false,
      // The routes parse their bodies themselves, after the credential.
      bodyParser: false,
    },
  );
  life.onStop('The application', () => {
    app.get(DrainState).begin();
    return app.close();
  });

  app.disable('x-powered-by');
  // A hash of each answer, for caches that may not store it.
  app.disable('etag');
  app.use(withRequestId);
  if (OpenTelemetryTracing.isRegistered) app.use(continueTrace);
  app.use(securityHeaders());
  app.enableCors(corsOptions(plan.settings.options.http?.allowedOrigins ?? []));
  const refusals = plan.settings.roles.includes('api') ? app.get(Refusals, { strict: false }) : undefined;
  app.useGlobalFilters(new ProblemFilter(app.get(HttpAdapterHost), refusals));

  const { settings } = plan;
  const admin = adminServer(settings, app.getHttpAdapter().getInstance());
  const ports = new PortGuard(admin, settings.adminPort === settings.port);
  app.useGlobalGuards(ports);
  if (settings.bullBoard !== 'off') {
    const queues = [app.get(JobQueue, { strict: false }), app.get(ActionJobs, { strict: false })?.jobs];
    const board = await bullBoard({
      mode: settings.bullBoard,
      queues: queues.flatMap((jobs) => jobs?.queue ?? []),
      isAdminRequest: (request) => ports.hasAdminRoutes(request),
      prompt: new AdminPrompt(settings.options.http?.adminApiKeys ?? []),
    });
    app.use(BOARD_PATH, board);
  }

  const server = app.getHttpServer();
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  for (const one of admin ? [server, admin] : [server]) {
    one.headersTimeout = REQUEST_MS.headers;
    one.requestTimeout = REQUEST_MS.whole;
  }
  await app.listen(settings.port, settings.host);
  if (admin) await openAdmin(admin, settings, life);
  return originOf(server.address() as AddressInfo);
}

/** Stopped before the application, which probes and scrapes would otherwise keep busy. */
async function openAdmin(admin: Server, { adminPort, host }: Settings, life: Life): Promise<void> {
  life.onStop('The admin server', async () => {
    const closed = once(admin, 'close');
    admin.close();
    admin.closeAllConnections();
    await closed;
  });
  admin.listen(adminPort!, host);
  await once(admin, 'listening');
  new Logger('Service').log(`Metrics and docs are on ${originOf(admin.address() as AddressInfo)}`);
}

/**
 * The usual headers, without those that today's browsers ignore. The pages, which need more than nothing, replace the policy. HSTS is for whoever
 * ends TLS, see deploy/nginx.conf.
 */
const securityHeaders = () =>
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity: false,
    originAgentCluster: false,
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xPoweredBy: false,
    xXssProtection: false,
  });

function originOf({ address, family, port }: AddressInfo): string {
  // One cannot connect to a wildcard address.
  if (address === '0.0.0.0' || address === '::') return `http://localhost:${port}`;
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}

/** Composes the stages into one service. */
export const composition: Composition = { shippedTypes: SHIPPED_TYPES, open };
