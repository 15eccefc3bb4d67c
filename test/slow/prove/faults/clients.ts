import { eventually } from '../../../support/eventually.js';
import type { Client } from '../client.js';
import { FLOOD_TITLE } from '../profile.js';
import { PATIENCE_MS } from '../timeline.js';
import { patiently, sleep, type Fault, type Stage } from './fault.js';

/** Of one recipient on one instance; beyond it the newest would be refused. */
const MOST_CLIENTS = 14;

const uncrowded = ({ fleet, random }: Stage, count: number): string[] =>
  random.sample(
    fleet.recipients.filter((recipient) => fleet.of(recipient).length < MOST_CLIENTS),
    count,
  );

const share = ({ fleet, random }: Stage, part: number): Client[] =>
  random.sample(fleet.disturbable, Math.ceil(fleet.clients.length * part));

const cutInside: Fault = {
  name: 'clients break off inside a frame',
  part: 'clients',
  async inject(stage) {
    for (const client of share(stage, 0.3)) client.cutInside();
    await sleep(500);
  },
};

const stalled: Fault = {
  name: 'clients stop reading',
  part: 'clients',
  async inject(stage) {
    const chosen = share(stage, 0.2);
    for (const client of chosen) client.stall();
    await sleep(stage.profile.stallMs);
    for (const client of chosen) client.resume();
  },
};

const storm: Fault = {
  name: 'all clients reconnect at once',
  part: 'clients',
  async inject({ fleet, random }) {
    for (let times = random.int(1, 3); times > 0; times--) {
      for (const client of fleet.clients) client.cut(true);
      await sleep(random.int(100, 800));
    }
  },
};

const absent: Fault = {
  name: 'clients come back with an old cursor',
  part: 'clients',
  async inject(stage) {
    const chosen = share(stage, 0.2);
    for (const client of chosen) client.leave();
    await sleep(stage.profile.awayMs);
    for (const client of chosen) client.open();
  },
};

/** A cursor that is none of this feed's must be answered with a reset that says why. */
const wrongCursors: Fault = {
  name: 'clients come with wrong cursors',
  part: 'clients',
  async inject(stage) {
    const { fleet, random, world } = stage;
    const [one, other] = uncrowded(stage, 2);
    if (one === undefined || other === undefined) return;
    const cursorOf = async (recipient: string, more: number): Promise<string> => {
      const [row] = await patiently(() =>
        world.sql<{ epoch: string; head: string }>(
          `SELECT epoch, head FROM tidings.feed WHERE recipient = $1`,
          [recipient],
        ),
      );
      return `${row?.epoch}-${Number(row?.head) + more}`;
    };
    const wrong = {
      epoch: await cursorOf(other, 0),
      ahead: await cursorOf(one, 1_000_000),
      malformed: random.pick(['nonsense', '-1', 'k3v9x2ab-', `${'9'.repeat(40)}`, 'k3v9x2ab-1.5']),
    } as const;
    fleet.allowResets(['epoch', 'ahead', 'malformed'], [one]);
    for (const [reason, cursor] of Object.entries(wrong)) {
      const client = await fleet.add(one, { cursor, breakOffs: random.int(0, 2) });
      await eventually(() => client.account.resets.length > 0, { timeoutMs: PATIENCE_MS }).catch(() => {
        client.account.complain(`came with ${cursor} and was never told feed.reset ${reason}`);
      });
      if (client.account.resets.length === 0) return;
    }
  },
};

/** The retention trims what a client has not read yet: one that is away, and one that is connected and does not read. */
const overtaken: Fault = {
  name: 'retention overtakes clients',
  part: 'clients',
  async inject(stage) {
    const { fleet, world, load, profile } = stage;
    const recipients = uncrowded(stage, 2);
    const away: Client[] = [];
    const stalledOnes: Client[] = [];
    for (const recipient of recipients) {
      away.push(await fleet.add(recipient, { breakOffs: 1 }));
      for (let nth = 0; nth < 4; nth++) stalledOnes.push(await fleet.add(recipient, { direct: true }));
    }
    await eventually(() => [...away, ...stalledOnes].every(({ ready }) => ready), { timeoutMs: PATIENCE_MS });
    for (const client of away) client.leave();
    for (const client of stalledOnes) client.stall();
    // As much as the buffers of a socket do not hold, and then as many as push that over the edge.
    await load.flood(recipients, profile.floodBeyond, FLOOD_TITLE);
    await load.flood(recipients, profile.keep, 0);
    const held = away.map(({ account }) => ({
      recipient: account.recipient,
      epoch: account.segment?.epoch,
      seq: account.segment?.last ?? 0,
    }));
    await eventually(
      async () => {
        const rows = await patiently(() =>
          world.sql<{ recipient: string; epoch: string; floor: string }>(
            `SELECT recipient, epoch, floor FROM tidings.feed WHERE recipient = ANY ($1)`,
            [recipients],
          ),
        );
        // A restore beside this fault takes the flood with it, and the numbers begin anew: that goes past the cursor as well.
        return held.every(({ recipient, epoch, seq }) =>
          rows.some(
            (row) =>
              row.recipient === recipient &&
              (row.epoch !== epoch || Number(row.floor) > seq + profile.floodBeyond / 2),
          ),
        );
      },
      { timeoutMs: PATIENCE_MS, everyMs: 200 },
    );
    for (const client of stalledOnes) client.resume();
    for (const client of away) client.open();
    await eventually(() => away.every(({ account }) => account.resets.length > 0), {
      timeoutMs: PATIENCE_MS,
    });
  },
};

export const CLIENT_FAULTS: readonly Fault[] = [cutInside, stalled, storm, absent, wrongCursors, overtaken];
