import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { ClientBase } from 'pg';
import { BEGIN } from '../../platform/postgres/session.js';
import { formatLsn, parseLsn } from './lsn.js';

interface Observation {
  incarnation: string | null;
  known_system: string | null;
  known_timeline: number | null;
  system: string | null;
  wal_file: string | null;
  lsn: string | null;
  synchronous: boolean;
  has_last_key: boolean;
}

/** Older keys may have been pruned by the retention, which keeps keys for at least a day. */
const KEY_TRUSTED_MS = 3_600_000;
/** Of as many rotations this process remembers what they have replaced. */
const MAX_FORMER = 1_000;

/** The server's identity, with nulls for anything it does not reveal (a managed service that forbids it, a standby). */
interface ServerIdentity {
  readonly system: string | null;
  readonly timeline: number | null;
}

/** The server that this process wrote to last. */
interface KnownServer extends ServerIdentity {
  /** Its commits waited for a standby. */
  readonly synchronous: boolean;
}

/**
 * Detects that the database was restored and then gives every feed a new epoch: a restore brings the old
 * epochs back with the rows, and would assign the
 * numbers after the backup a second time, although clients hold cursors with them.
 *
 * There are three signs. The first two are checked on every new connection before it is used for anything
 * else (a restore breaks all connections, so no statement can slip in between):
 *
 * 1. The system identifier or the timeline differs from the stored one: a dump loaded into another cluster, a
 * point-in-time recovery, or a failover, which may have lost the last commits. A failover is no sign if this process knows that it lost
 * none: commits waited for a standby, the server has followed another one until its promotion, and it has this process's last commit. If a
 * standby was promoted that commits did not wait for, the process that misses one rotates.
 * 2. This process's last committed dedupe key is missing, the write-ahead log ends before a position that
 * this process saw flushed, or the incarnation is one that a rotation has replaced: a copy of the files was restored.
 * 3. If neither shows it (old files were restored while every process was down), the cursors do: one ahead of
 * its feed's head gets a `feed.reset`, and an operator can call `rotate()`.
 *
 * If several processes detect it, one rotates: the installation's row is locked and its incarnation compared.
 */
export class RestoreGuard {
  private readonly logger = new Logger('Tidings');
  private incarnation: string | null = null;
  /** Incarnations that were replaced while this process ran. Meeting one again means that the rotation is lost, and its epochs are back. */
  private readonly former = new Set<string>();
  private server: KnownServer | null = null;
  private seenLsn = 0n;
  private lastKey: { readonly hash: Buffer; readonly at: number } | null = null;
  private tellsIdentity = true;

  constructor(private readonly schema: string) {}

  /** Records the dedupe key of this process's newest commit. */
  committed(key: Buffer): void {
    this.lastKey = { hash: key, at: Date.now() };
  }

  /** Checks a new connection for the signs and rotates the epochs if there is one. Resolves to whether it rotated. */
  async check(client: ClientBase): Promise<boolean> {
    // Read before the query: connections open concurrently, and an earlier query may answer later.
    const { incarnation: before, seenLsn: flushedBefore, server: serverBefore } = this;
    const formerBefore = new Set(this.former);
    const seen = await this.observe(client);
    const server: KnownServer = {
      system: seen.system,
      timeline: timelineOf(seen.wal_file),
      synchronous: seen.synchronous,
    };
    if (seen.incarnation === null) return this.register(client, seen, server);
    // Otherwise another connection has seen a later one meanwhile.
    if (this.incarnation === before) this.moveTo(seen.incarnation);
    const isBack = formerBefore.has(seen.incarnation);
    const failedOver =
      !isBack && (await this.acceptsFailover(client, seen, serverBefore, server, flushedBefore));
    let sign: string | null = null;
    if (isBack) sign = 'a former rotation is lost';
    else if (!failedOver) sign = signIn(seen, server, before, flushedBefore);
    const flushed = parseLsn(seen.lsn);
    // Positions of the former server that no standby had are none of this one.
    if (failedOver || sign || flushed > this.seenLsn) this.seenLsn = flushed;
    this.server = server;
    if (!sign) return false;
    if (!isBack && before !== null && before !== seen.incarnation) {
      // Another process has already rotated. Our last commit is gone for good and no longer a sign.
      this.lastKey = null;
      return false;
    }
    this.logger.warn(
      `The database appears to have been restored (${sign}): every feed gets a new epoch, and clients get feed.reset.`,
    );
    await this.rotate(client, seen.incarnation, server);
    return true;
  }

  /** Gives every feed a new epoch, unless the incarnation has changed. */
  async rotate(client: ClientBase, expected: string, identity: ServerIdentity): Promise<void> {
    const next = randomUUID();
    // If it fails, the connection is discarded, and with it the transaction.
    await client.query(BEGIN);
    await client.query(
      `WITH rotated AS (
         UPDATE ${this.schema}.installation SET incarnation = $2, system_identifier = $3, timeline = $4
          WHERE incarnation = $1 RETURNING true)
       UPDATE ${this.schema}.feed SET epoch = DEFAULT WHERE EXISTS (SELECT FROM rotated)`,
      [expected, next, identity.system, identity.timeline],
    );
    await client.query('COMMIT');
    this.lastKey = null;
    this.moveTo(await this.readIncarnation(client));
  }

  private moveTo(incarnation: string | null): void {
    const { former } = this;
    if (this.incarnation !== null && this.incarnation !== incarnation) former.add(this.incarnation);
    if (incarnation !== null) former.delete(incarnation);
    // The oldest first.
    for (const one of former) if (former.size > MAX_FORMER) former.delete(one);
    this.incarnation = incarnation;
  }

  private async readIncarnation(client: ClientBase): Promise<string | null> {
    const { rows } = await client.query<{ incarnation: string }>(
      `SELECT incarnation FROM ${this.schema}.installation`,
    );
    return rows[0]?.incarnation ?? null;
  }

  /** Whether a standby has taken over that has all that was committed. If so, its timeline is stored, so that it is no sign for others. */
  private async acceptsFailover(
    client: ClientBase,
    seen: Observation,
    before: KnownServer | null,
    now: KnownServer,
    flushedBefore: bigint,
  ): Promise<boolean> {
    if (before === null || !before.synchronous || !seen.has_last_key) return false;
    // Of two promotions, the first one's commits may have waited for nobody.
    if (before.system !== now.system || before.timeline === null || now.timeline !== before.timeline + 1)
      return false;
    // It asked for a stream, which a recovery from an archive does not, and before its promotion it had replayed all that this process saw
    // flushed: a copy of a standby asks for a stream as well, and then ends where it was taken.
    const { rows } = await client.query<{ followed: boolean }>(
      `SELECT pg_catalog.pg_last_wal_receive_lsn() IS NOT NULL AND pg_catalog.pg_last_wal_replay_lsn() >= $1::pg_lsn AS followed`,
      [formatLsn(flushedBefore)],
    );
    if (!rows[0]?.followed) return false;
    await client.query(BEGIN);
    await client.query(
      `UPDATE ${this.schema}.installation SET timeline = $2 WHERE incarnation = $1 AND timeline IS DISTINCT FROM $2`,
      [seen.incarnation, now.timeline],
    );
    await client.query('COMMIT');
    if (this.server?.timeline !== now.timeline) {
      this.logger.log(
        `A standby of the database has taken over (timeline ${now.timeline} instead of ${before.timeline}). Commits waited for it, so nothing is missing.`,
      );
    }
    return true;
  }

  private async register(client: ClientBase, seen: Observation, server: KnownServer): Promise<boolean> {
    await client.query(BEGIN);
    await client.query(
      `INSERT INTO ${this.schema}.installation (incarnation, system_identifier, timeline) VALUES ($1, $2, $3)
       ON CONFLICT DO NOTHING`,
      [randomUUID(), server.system, server.timeline],
    );
    await client.query('COMMIT');
    this.moveTo(await this.readIncarnation(client));
    this.seenLsn = parseLsn(seen.lsn);
    this.server = server;
    return false;
  }

  private async observe(client: ClientBase): Promise<Observation> {
    const identity = this.tellsIdentity
      ? `(SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system,
         CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL ELSE pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()) END AS wal_file,
         CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL ELSE pg_catalog.pg_current_wal_flush_lsn()::text END AS lsn`
      : 'NULL AS system, NULL AS wal_file, NULL AS lsn';
    try {
      const { rows } = await client.query<Observation>(
        `SELECT i.incarnation, i.system_identifier AS known_system, i.timeline AS known_timeline, ${identity},
                pg_catalog.current_setting('synchronous_standby_names') <> '' AS synchronous,
                $1::bytea IS NULL OR EXISTS (SELECT FROM ${this.schema}.dedupe_key WHERE hash = $1) AS has_last_key
           FROM (SELECT) one LEFT JOIN ${this.schema}.installation i ON true`,
        [this.lastKey && Date.now() - this.lastKey.at < KEY_TRUSTED_MS ? this.lastKey.hash : null],
      );
      return rows[0]!;
    } catch (error) {
      // 42501 insufficient_privilege, 0A000 feature_not_supported: a managed service that does not reveal
      // them.
      const code = (error as { code?: string }).code;
      if (!this.tellsIdentity || (code !== '42501' && code !== '0A000' && code !== '42883')) throw error;
      this.tellsIdentity = false;
      this.logger.warn(
        'This role may not read the identity of the Postgres server (pg_control_system): a restore is detected only if commits were lost.',
      );
      return this.observe(client);
    }
  }
}

/**
 * The first eight digits of a name in the write-ahead log. `pg_control_checkpoint()` has the timeline, too, but for minutes after a
 * promotion still the former one: until the first checkpoint.
 */
function timelineOf(walFile: string | null): number | null {
  return walFile === null ? null : parseInt(walFile.slice(0, 8), 16);
}

function signIn(
  seen: Observation,
  { system, timeline }: ServerIdentity,
  before: string | null,
  flushedBefore: bigint,
): string | null {
  if (seen.known_system !== null && system !== null && seen.known_system !== system) {
    return `system identifier ${system} instead of ${seen.known_system}`;
  }
  if (seen.known_timeline !== null && timeline !== null && seen.known_timeline !== timeline) {
    return `timeline ${timeline} instead of ${seen.known_timeline}`;
  }
  if (before === null) return null;
  if (!seen.has_last_key) return 'the last commit of this process is missing';
  if (parseLsn(seen.lsn) < flushedBefore)
    return 'the write-ahead log ends before a position that was flushed';
  return null;
}
