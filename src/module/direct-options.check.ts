import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { ResolvedOptions } from '../contract/options/options.js';
import type { Sql } from '../contract/ports/sql.js';
import { RESOLVED_OPTIONS, SQL } from '../contract/tokens.js';
import { describeError } from '../platform/logging/describe-error.js';

/**
 * A process that delivers directly does what a worker does, and so needs the worker's options: without its escalations nothing is escalated,
 * without `resolveLocales` everything is in the default language. Functions cannot be compared across processes, but their presence can: workers
 * leave the names of theirs in the database, and a process without the role `worker` warns at its start if one is missing. Only a warning,
 * since during a deploy the two may differ.
 */
@Injectable()
export class DirectOptionsCheck implements OnApplicationBootstrap {
  private readonly logger = new Logger('Tidings');

  constructor(
    @Inject(SQL) private readonly sql: Sql,
    @Inject(RESOLVED_OPTIONS)
    private readonly options: Pick<
      ResolvedOptions,
      'roles' | 'delivery' | 'resolveLocales' | 'hooks' | 'escalations' | 'push'
    >,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { roles, delivery } = this.options;
    try {
      if (roles.includes('worker')) await this.publish();
      else if (delivery === 'direct') await this.compare();
    } catch (error) {
      this.logger.warn(`The options of the workers could not be compared: ${describeError(error)}`);
    }
  }

  private async publish(): Promise<void> {
    await this.sql.query(
      `UPDATE ${this.sql.schema}.installation SET worker_options = $1 WHERE worker_options <> $1`,
      [namesOf(this.options)],
    );
  }

  private async compare(): Promise<void> {
    const [row] = await this.sql.query<{ worker_options: string[] }>(
      `SELECT worker_options FROM ${this.sql.schema}.installation`,
    );
    const own = namesOf(this.options);
    const missing = (row?.worker_options ?? []).filter((name) => !own.includes(name));
    if (missing.length === 0) return;
    this.logger.warn(
      `The workers have ${missing.join(', ')}, and this process has not: what it delivers directly goes without. ` +
        "Pass the same options here, or delivery: 'queue' (TIDINGS_DELIVERY=queue).",
    );
  }
}

function namesOf({
  resolveLocales,
  hooks,
  escalations,
  push,
}: Pick<ResolvedOptions, 'resolveLocales' | 'hooks' | 'escalations' | 'push'>): string[] {
  return [
    ...(resolveLocales ? ['resolveLocales'] : []),
    ...(hooks.onAppended ? ['hooks.onAppended'] : []),
    ...escalations.map(({ name }) => `the escalation "${name}"`),
    ...(push ? ['push'] : []),
  ];
}
