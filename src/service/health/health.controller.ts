import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import { OnBothPorts } from '../admin-port.js';
import { DrainState } from './drain-state.js';
import { Readiness, type CheckResult } from './readiness.js';

/** The platform's response, as far as used here: Express' and Fastify's both fit. */
interface Reply {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
}

/** The response of `/readyz`: with 200 `status` is `ready`, with 503 it is a problem (RFC 9457). */
export type ReadinessReport =
  | { readonly status: 'ready'; readonly checks: readonly CheckResult[] }
  | {
      readonly type: 'about:blank';
      readonly title: string;
      readonly status: 503;
      readonly code: 'draining' | 'not-ready';
      readonly detail: string;
      readonly checks: readonly CheckResult[];
    };

/** Liveness and readiness, for the service's orchestrator. */
@Controller()
@OnBothPorts()
export class HealthController {
  constructor(
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(DrainState) private readonly drain: DrainState,
  ) {}

  /** Checks no dependency: restarting this process would repair none. */
  @Get('healthz')
  @Header('Cache-Control', 'no-store')
  live(): { status: 'alive' } {
    return { status: 'alive' };
  }

  @Get('readyz')
  @Header('Cache-Control', 'no-store')
  async ready(@Res({ passthrough: true }) reply: Reply): Promise<ReadinessReport> {
    const checks = await this.readiness.run();
    const failed = checks.filter((check) => check.status !== 'ok').map((check) => check.name);
    if (!this.drain.draining && failed.length === 0) return { status: 'ready', checks };
    reply.status(503);
    reply.header('Content-Type', 'application/problem+json');
    const problem = { type: 'about:blank', status: 503, checks } as const;
    return this.drain.draining
      ? { ...problem, title: 'Draining', code: 'draining', detail: 'This instance is shutting down.' }
      : {
          ...problem,
          title: 'Not ready',
          code: 'not-ready',
          detail: `These checks failed: ${failed.join(', ')}.`,
        };
  }
}
