import { setTimeout as delay } from 'node:timers/promises';
import type { Deployment } from './deployment.js';
import type { FeedLog, FollowedFeed } from './event-source.js';
import { eventually } from './eventually.js';
import { freePort } from './ports.js';
import { connect } from './sse-client.js';

/** Between two jobs. */
const JOB_EVERY_MS = 100;
/** For one step; a busy machine takes many times as long as an idle one to start a process. */
const STEP_MS = 60_000;
const RECIPIENT = 'ada';

/** What came of it. */
export interface Survival {
  /** What the producer sent, in its order. */
  readonly sent: readonly string[];
  readonly log: FeedLog;
  /** What the feed holds at the end, in its order. */
  readonly kept: FeedLog['received'];
}

/**
 * Restarts the server under a client so many times, by SIGKILL and by SIGTERM in turn, on the same port, while jobs keep coming. A second
 * worker stays, so that entries are also appended while there is no server, and the jobs of a killed one are found again soon.
 */
export async function surviveRestarts(
  deployment: Deployment,
  restarts: number,
  open: (origin: string, token: string) => Promise<FollowedFeed>,
): Promise<Survival> {
  const port = String(await freePort());
  // On a busy machine there are more jobs meanwhile than the retention keeps by default.
  const env = { RETENTION_MAX_ENTRIES: 'off' };
  const worker = await deployment.start({ TIDINGS_ROLES: 'worker', ...env });
  let server = await deployment.start({ PORT: port, ...env });
  const token = await deployment.token(RECIPIENT);
  const feed = await open(server.origin, token);
  await eventually(async () => (await feed.log()).control.includes('feed.ready'), { timeoutMs: STEP_MS });

  const sent: string[] = [];
  let stopped = false;
  const producing = (async () => {
    while (!stopped) {
      const taskId = String(sent.length);
      sent.push(taskId);
      await deployment.add(RECIPIENT, taskId);
      await delay(JOB_EVERY_MS);
    }
  })();
  const receives = async (): Promise<void> => {
    const { length } = (await feed.log()).received;
    await eventually(async () => (await feed.log()).received.length > length + 2, { timeoutMs: STEP_MS });
  };

  for (let i = 0; i < restarts; i += 1) {
    await receives();
    await server.stop(i % 2 === 0 ? 'SIGKILL' : 'SIGTERM');
    server = await deployment.start({ PORT: port, ...env });
  }
  await receives();
  stopped = true;
  await producing;
  // A job that ran in a killed process is locked for a while, and found by the second check after that.
  await eventually(async () => (await feed.log()).received.length >= sent.length, {
    timeoutMs: STEP_MS,
    everyMs: 200,
  });

  const log = await feed.log();
  const witness = await connect(`${server.origin}/v1/stream?lastEventId=0`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  const isItem = ({ event }: { event: string }): boolean => event === 'task-completed';
  await witness.waitFor(() => witness.frames.filter(isItem).length >= sent.length, { timeoutMs: STEP_MS });
  const kept = witness.frames.filter(isItem).map(({ id, data }) => {
    const item = JSON.parse(data!) as { data: { taskId: string } };
    return { id: id!, taskId: item.data.taskId };
  });
  await witness.close();
  await feed.close();
  await Promise.all([server.stop(), worker.stop()]);
  return { sent, log, kept };
}
