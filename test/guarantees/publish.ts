import { task, type Instance } from './house.js';

/** What a publish was answered. */
export interface Answer {
  readonly status: number;
  readonly outcome: string | undefined;
  readonly id: string;
  readonly code: string | undefined;
}

/** Publishes a `task-completed` over HTTP. */
export async function publish(
  instance: Instance,
  taskId: string,
  { to = 'ada', key, ...more }: { to?: string; key?: string; dedupeKey?: string; deliverAt?: string } = {},
): Promise<Answer> {
  const headers: Record<string, string> = key === undefined ? {} : { 'idempotency-key': key };
  const response = await instance.publish(
    { type: 'task-completed', to, data: task(taskId), ...more },
    headers,
  );
  const body = (await response.json()) as { jobs?: { id: string; outcome: string }[]; code?: string };
  const [job] = body.jobs ?? [];
  return { status: response.status, outcome: job?.outcome, id: job?.id ?? '', code: body.code };
}
