import { WARM_UP, type Lab } from '../lab.js';
import { median, type Row } from '../report.js';
import type { Target } from '../servers/target.js';

const TARGETS = { 'bare-http': 0.4, 'plain-nest': 0.7 };

/** (e) Entries a second when many clients come back at once, each having missed some, against baselines that replay from memory. */
export async function reconnect(lab: Lab): Promise<Row[]> {
  const { reconnect: sizes, rounds } = lab.options.sizes;
  const baselines = Object.keys(TARGETS) as (keyof typeof TARGETS)[];
  const targets: Target[] = [];
  for (const which of baselines) targets.push(await lab.baseline(which, true));
  for (const backend of lab.backends) targets.push(await lab.tidings(backend));

  const rates = new Map<Target, number[]>(targets.map((target) => [target, []]));
  const users = Array.from({ length: sizes.streams }, (_, index) => `returning-${index}`);
  for (const target of targets) {
    await lab.load.addStreams(target.name, await target.streams(own(target, users)));
    await lab.load.openStreams(target.name, false);
    await lab.load.closeStreams(target.name);
  }
  for (let round = 0; round <= rounds; round++) {
    for (const target of targets) {
      const rate = await comeBack(lab, round > 0 ? 'e' : WARM_UP, target, own(target, users), sizes.missed);
      if (round > 0) rates.get(target)?.push(rate);
    }
  }
  await lab.stop(...targets.map(({ child }) => child));

  const made = (target: Target | undefined): number => median((target && rates.get(target)) ?? []);
  return targets.slice(baselines.length).flatMap((target) =>
    baselines.map((which, index): Row => ({
      part: 'e',
      what: `replay to all at once, ${target.name.replace('Tidings, ', '')}`,
      unit: 'entries/s',
      tidings: made(target),
      against: which === 'bare-http' ? 'bare node:http, memory' : 'plain Nest, memory',
      baseline: made(targets[index]),
      target: { atLeast: TARGETS[which] },
    })),
  );
}

/** Two services on one log would each bring what the other was given. */
function own(target: Target, users: readonly string[]): string[] {
  return users.map((user) => `${user}-of-${target.child.pid}`);
}

async function comeBack(
  lab: Lab,
  part: string,
  target: Target,
  users: string[],
  missed: number,
): Promise<number> {
  const { load } = lab;
  const { name, child } = target;
  if (target.queue) await load.fanOut(target.queue, users, missed);
  else await load.publishToAll(target.publishing, users, missed);
  const entries = users.length * missed;
  await load.expect(name, entries);
  const seconds = await lab.measure(part, child, entries, async () => {
    const begunAt = await load.openStreams(name, true);
    const { lastAt } = await load.arrived(name);
    return (lastAt - begunAt) / 1_000;
  });
  await load.closeStreams(name);
  return entries / seconds;
}
