import { markdown } from '../../../bench/report.js';
import type { Wrong } from './account.js';
import type { Result } from './trial.js';

const HEADS = [
  'scenario',
  'backend',
  'faults',
  'accepted',
  'entries',
  'delivered',
  'lost',
  'twice',
  'out of order',
  'foreign',
  'other',
  'longest recovery',
];
const NUMERIC = new Set([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
const WRONGS: readonly Wrong[] = ['lost', 'twice', 'out of order', 'foreign', 'other'];

/** One line a scenario, and one for all. */
export function table(results: readonly Result[]): string {
  const lines = results.map((result) => [
    result.scenario,
    result.backend === 'redis' ? 'Redis' : 'Postgres',
    ...numbers([result]),
    `${(result.recovery.ms / 1_000).toFixed(1)} s`,
  ]);
  const longest = Math.max(0, ...results.map(({ recovery }) => recovery.ms));
  lines.push(['all', '', ...numbers(results), `${(longest / 1_000).toFixed(1)} s`]);
  return markdown(HEADS, lines, NUMERIC);
}

/** How often each fault was injected, on each backend. */
export function faultTable(results: readonly Result[]): string {
  const backends = [...new Set(results.map(({ backend }) => backend))];
  const names = [...new Set(results.flatMap(({ faults }) => [...faults.keys()]))].sort();
  const count = (name: string, backend: string): number =>
    results
      .filter((result) => result.backend === backend)
      .reduce((sum, { faults }) => sum + (faults.get(name) ?? 0), 0);
  const lines = names.map((name) => [name, ...backends.map((backend) => String(count(name, backend) || ''))]);
  return markdown(['fault', ...backends], lines, new Set([1, 2]));
}

/** How many were accepted by each door, on each backend; what was sent several times counts as often. */
export function doorTable(results: readonly Result[]): string {
  const backends = [...new Set(results.map(({ backend }) => backend))];
  const names = [...new Set(results.flatMap(({ doors }) => [...doors.keys()]))].sort();
  const count = (name: string, backend: string): number =>
    results
      .filter((result) => result.backend === backend)
      .reduce((sum, { doors }) => sum + (doors.get(name) ?? 0), 0);
  const lines = names.map((name) => [
    name,
    ...backends.map((backend) => count(name, backend).toLocaleString('en')),
  ]);
  return markdown(['accepted by', ...backends], lines, new Set([1, 2]));
}

/** What is neither right nor wrong, a line each. */
export function remarks(results: readonly Result[]): string[] {
  return results.flatMap((result) => {
    const { scenario, backend, verdict, notes, recovery, peakBytes, growthBytes, slowestAnswerMs } = result;
    const where = `${scenario} (${backend})`;
    const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
    return [
      ...[...verdict.lostByOthers].map(
        ([who, count]) => `${where}: ${count} accepted for a recipient and not there: it ${who}`,
      ),
      ...(verdict.unknown > 0
        ? [`${where}: of ${verdict.unknown} jobs nothing is known: the queue gave no answer`]
        : []),
      ...(recovery.ms > 0 ? [`${where}: the longest recovery was after "${recovery.fault}"`] : []),
      `${where}: an API process took ${mib(peakBytes)} at most, ${mib(growthBytes)} more than at its least`,
      `${where}: the slowest answer to a POST came after ${(slowestAnswerMs / 1_000).toFixed(1)} s`,
      ...notes.map((note) => `${where}: ${note}`),
    ];
  });
}

function numbers(results: readonly Result[]): string[] {
  const sum = (of: (result: Result) => number): string =>
    results.reduce((total, result) => total + of(result), 0).toLocaleString('en');
  return [
    sum(({ faults }) => [...faults.values()].reduce((total, count) => total + count, 0)),
    sum(({ verdict }) => verdict.accepted),
    sum(({ verdict }) => verdict.entries),
    sum(({ verdict }) => verdict.delivered),
    ...WRONGS.map((wrong) => sum(({ violations }) => violations.filter((one) => one.wrong === wrong).length)),
  ];
}
