import type { Violation } from './account.js';
import type { Ledger } from './ledger.js';
import { QueueView } from './queue-view.js';
import type { Happening } from './timeline.js';
import type { Result } from './trial.js';
import type { World } from './world.js';

const AROUND_MS = 5_000;
const MOST_LINES = 60;

/** The history of the entry in question, from the job to the frame. */
export async function history(
  violation: Violation,
  result: Result,
  ledger: Ledger,
  world: World,
): Promise<string> {
  const { recipient, notification: index, client } = violation;
  const lines = [`${violation.wrong.toUpperCase()}: ${violation.what}`];
  const notification = index === undefined ? undefined : ledger.notifications[index];
  if (notification) {
    lines.push(
      `  notification ${notification.index}: ${notification.outcome}${[...new Set(notification.excuses.values())].map((excuse) => `, ${excuse}`).join('')}`,
    );
    lines.push(...print(notification.attempts));
    const view = QueueView.open(world);
    for (const { id, state, failedReason } of await view.tracesOf(notification.index).catch(() => [])) {
      lines.push(`    on the queue: job ${id} ${state} ${failedReason ?? ''}`);
    }
    await view.close();
  }
  const feed = recipient === undefined ? undefined : result.log.get(recipient);
  if (feed) {
    lines.push(`  feed of ${recipient}: epoch ${feed.epoch}, floor ${feed.floor}, head ${feed.head}`);
    for (const entry of feed.entries.values()) {
      if (entry.notification === index)
        lines.push(`    in the log: ${entry.seq}, ${entry.createdAt.toISOString()}`);
    }
    for (const { account } of result.fleet.of(recipient ?? '')) {
      for (const { epoch, seqs, notifications, times } of account.segments) {
        notifications.forEach((one, at) => {
          if (one === index)
            lines.push(`    ${account.name} received it as ${epoch}-${seqs[at]} at ${times[at]}`);
        });
      }
    }
  }
  const events = client?.events ?? [];
  if (client) lines.push(`  ${client.name}:`, ...print(events.slice(-MOST_LINES)));
  const moment = notification?.submittedAt ?? events.find(({ what }) => what.startsWith('WRONG'))?.at;
  if (moment !== undefined) {
    lines.push('  around it:', ...print(world.timeline.between(moment - AROUND_MS, moment + 2 * AROUND_MS)));
  }
  return lines.join('\n');
}

function print(events: readonly Happening[]): string[] {
  return events.map(({ at, what }) => `    ${String(at).padStart(7)} ms  ${what}`);
}
