import { Controller, Get, Header, Inject, Res } from '@nestjs/common';
import { DrainState } from './drain-state.js';
import { Readiness, type CheckResult } from './readiness.js';

/** What is asked of the platform's response: Express' and Fastify's have both. */
interface Reply {
  status(code: number): unknown;
  header(name: string, value: string): unknown;
}

/** What `/readyz` answers: with 200 `status` is `ready`, with 503 it is a problem (RFC 9457). */
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
export class HealthController {
  constructor(
    @Inject(Readiness) private readonly readiness: Readiness,
    @Inject(DrainState) private readonly drain: DrainState,
  ) {}

  /** Asks nobody: a restart of this process would heal no database. */
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
      ? { ...problem, title: 'Draining', code: 'draining', detail: 'This instance is going away.' }
      : {
          ...problem,
          title: 'Not ready',
          code: 'not-ready',
          detail: `Without answer: ${failed.join(', ')}.`,
        };
  }
}
