import pg from 'pg';

/** A node of `EXPLAIN (ANALYZE, FORMAT JSON)`. */
export interface PlanNode {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Scan Direction'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** What one call did: the plans of all statements inside the functions that it called, and how long it took. */
export interface Explained {
  readonly nodes: readonly PlanNode[];
  readonly durationMs: number;
  readonly rows: readonly Record<string, unknown>[];
}

/** A node and all below it. */
export const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** The rows that a node has looked at. */
export const rowsOf = (node: PlanNode): number =>
  (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops'];

/** A session in which Postgres tells the plan of every statement, also of those inside functions (`auto_explain`). */
export class ExplainingSession {
  private plans: PlanNode[] = [];

  private constructor(private readonly client: pg.Client) {}

  /** `adminUrl`: only a superuser may load the module. */
  static async open(adminUrl: string): Promise<ExplainingSession> {
    const client = new pg.Client(adminUrl);
    const session = new ExplainingSession(client);
    client.on('notice', ({ message = '' }) => {
      const json = message.indexOf('{');
      if (!message.includes('plan:') || json === -1) return;
      session.plans.push((JSON.parse(message.slice(json)) as { Plan: PlanNode }).Plan);
    });
    await client.connect();
    await client.query(`
      LOAD 'auto_explain';
      SET auto_explain.log_min_duration = 0;
      SET auto_explain.log_analyze = on;
      SET auto_explain.log_timing = off;
      SET auto_explain.log_nested_statements = on;
      SET auto_explain.log_format = json;
      SET client_min_messages = log`);
    return session;
  }

  async run(text: string, values: unknown[] = []): Promise<Explained> {
    this.plans = [];
    const since = performance.now();
    const { rows } = await this.client.query<Record<string, unknown>>(text, values);
    return { nodes: this.plans.flatMap(nodesOf), durationMs: performance.now() - since, rows };
  }

  close(): Promise<void> {
    return this.client.end();
  }
}
