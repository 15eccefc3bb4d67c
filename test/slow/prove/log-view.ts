import { Places } from './places.js';
import type { World } from './world.js';

/** One entry as Postgres has it. */
export interface LoggedEntry {
  readonly seq: number;
  /** -1 for a change of state. */
  readonly notification: number;
  readonly shown: boolean;
  readonly createdAt: Date;
}

/** One feed as Postgres has it. */
export interface LoggedFeed {
  readonly epoch: string;
  readonly head: number;
  readonly floor: number;
  readonly entries: ReadonlyMap<number, LoggedEntry>;
}

interface Row {
  recipient: string;
  epoch: string;
  head: string;
  floor: string;
  seq: string | null;
  task: string | null;
  shown: boolean;
  created_at: Date;
}

const READ = `
  SELECT f.recipient, f.epoch, f.head, greatest(f.floor, f.replay_floor) AS floor, e.seq, e.data->>'taskId' AS task, e.created_at,
         NOT e.hidden AND (e.expires_at IS NULL OR e.expires_at > now()) AS shown
    FROM tidings.feed f LEFT JOIN tidings.entry e ON e.feed_id = f.id
   WHERE f.tenant = '' AND f.recipient = ANY ($1)
   ORDER BY f.recipient, e.seq`;

/** The feeds of these recipients, all of one moment. */
export async function readLog(world: World, recipients: readonly string[]): Promise<Map<string, LoggedFeed>> {
  const feeds = new Map<string, LoggedFeed & { entries: Map<number, LoggedEntry> }>();
  for (const row of await world.sql<Row>(READ, [recipients])) {
    const { epoch, head, floor } = row;
    const feed = feeds.get(row.recipient) ?? {
      epoch,
      head: Number(head),
      floor: Number(floor),
      entries: new Map(),
    };
    feeds.set(row.recipient, feed);
    if (row.seq === null) continue;
    const seq = Number(row.seq);
    const notification = row.task === null ? -1 : Number(row.task);
    feed.entries.set(seq, { seq, notification, shown: row.shown, createdAt: row.created_at });
  }
  return feeds;
}

/** `epoch-head` of each feed. */
export async function readHeads(world: World, recipients: readonly string[]): Promise<Map<string, string>> {
  const rows = await world.sql<{ recipient: string; cursor: string }>(
    `SELECT recipient, epoch || '-' || head AS cursor FROM tidings.feed WHERE tenant = '' AND recipient = ANY ($1)`,
    [recipients],
  );
  return new Map(rows.map(({ recipient, cursor }) => [recipient, cursor]));
}

/** The feeds of these recipients that have not taken everything from this audience. */
export async function countUntaken(
  world: World,
  recipients: readonly string[],
  audience: string,
): Promise<number> {
  const [row] = await world.sql<{ n: number }>(
    `SELECT count(*)::int AS n FROM tidings.feed f JOIN tidings.feed a ON a.tenant = f.tenant AND a.recipient = chr(1) || $2
      WHERE f.tenant = '' AND f.recipient = ANY ($1) AND f.taken[array_position(f.audiences, a.id)] IS DISTINCT FROM a.head`,
    [recipients, audience],
  );
  return row!.n;
}

/** Which notifications the log has: in a feed, or in the audience of everybody of a scenario. */
export async function readKept(world: World): Promise<Places> {
  const rows = await world.sql<{ recipient: string | null; notification: number }>(
    `SELECT CASE WHEN left(f.recipient, 1) <> chr(1) THEN f.recipient END AS recipient, (e.data->>'taskId')::int AS notification
       FROM tidings.entry e JOIN tidings.feed f ON f.id = e.feed_id
      WHERE e.data->>'taskId' IS NOT NULL`,
  );
  const places = new Places();
  for (const { recipient, notification } of rows) places.add(recipient, notification);
  return places;
}
