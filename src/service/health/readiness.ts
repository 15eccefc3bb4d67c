import { Inject, Injectable, Logger } from '@nestjs/common';
import type { ReadinessCheck } from '../../contract/ports/ops.js';
import { READINESS_CHECKS } from '../../contract/tokens.js';
import { settlesWithin } from '../../platform/time/with-timeout.js';

/** A slower check counts as failed: the prober gives up soon after, and then knows nothing. */
export const CHECK_TIMEOUT_MS = 1_000;

/** The result of a check. The reason of a failure is only logged: it may name hosts, and the endpoint is public. */
export interface CheckResult {
  readonly name: string;
  readonly status: 'ok' | 'failed' | 'timeout';
}

type Answer = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Runs the checks, all at once. */
@Injectable()
export class Readiness {
  private readonly logger = new Logger('Readiness');
  /** A hanging check has only one pending call: probes must not pile up queries on a sick database. */
  private readonly pending = new Map<ReadinessCheck, Promise<Answer>>();
  private readonly last = new Map<string, CheckResult['status']>();

  constructor(@Inject(READINESS_CHECKS) private readonly checks: readonly ReadinessCheck[]) {}

  run(): Promise<CheckResult[]> {
    return Promise.all(this.checks.map((check) => this.runOne(check)));
  }

  private async runOne(check: ReadinessCheck): Promise<CheckResult> {
    const asked = this.ask(check);
    const answer = (await settlesWithin(CHECK_TIMEOUT_MS, asked)) ? await asked : null;
    const status = answer === null ? 'timeout' : answer.ok ? 'ok' : 'failed';
    const reason =
      answer === null ? `no answer within ${CHECK_TIMEOUT_MS} ms` : answer.ok ? '' : answer.reason;
    this.logChange(check.name, status, reason);
    return { name: check.name, status };
  }

  private ask(check: ReadinessCheck): Promise<Answer> {
    const pending = this.pending.get(check);
    if (pending) return pending;
    const asked = (async (): Promise<Answer> => {
      try {
        await check.check();
        return { ok: true };
      } catch (error) {
        return { ok: false, reason: error instanceof Error ? error.message : String(error) };
      } finally {
        this.pending.delete(check);
      }
    })();
    this.pending.set(check, asked);
    return asked;
  }

  /** Logs each change once: probes come every few seconds during an outage. */
  private logChange(name: string, status: CheckResult['status'], reason: string): void {
    const before = this.last.get(name) ?? 'ok';
    this.last.set(name, status);
    if (status === before) return;
    if (status === 'ok') this.logger.log(`${name} is ready again`);
    else this.logger.warn(`${name} is not ready: ${reason}`);
  }
}
