import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { ClientBase } from 'pg';
import { BEGIN } from '../../platform/postgres/session.js';
import { parseLsn } from './lsn.js';

interface Observation {
  incarnation: string | null;
  known_system: string | null;
  known_timeline: number | null;
  system: string | null;
  timeline: number | null;
  lsn: string | null;
  has_last_key: boolean;
}

/** A key older than this may have been pruned by the retention, which keeps keys for at least a day. */
const KEY_TRUSTED_MS = 3_600_000;

/** What the server tells about itself, or null where it does not (a managed service that forbids it, a standby). */
interface ServerIdentity {
  readonly system: string | null;
  readonly timeline: number | null;
}

/**
 * Notices that the database was restored, and gives every feed a new epoch then: with the rows a restore brings the old
 * epochs back, and the numbers after the backup would be given out a second time under cursors that clients hold.
 *
 * Three signs, the first two looked for on every new connection before it is used for anything else (a restore breaks all
 * connections, so no statement can slip in between):
 *
 * 1. the system identifier or the timeline differs from the stored one: a dump loaded into another cluster, a point-in-time
 *    recovery, a fail-over (which may have lost the last commits, and cannot be told from a recovery);
 * 2. the dedupe key that this process committed last is gone, or the write-ahead log ends before the place that this process
 *    has seen flushed: a copy of the files was put back;
 * 3. what neither shows (every process was down while old files were put back) is left to the cursors: one ahead of its feed's
 *    head is a `feed.reset`, and `rotate()` may be called by hand.
 *
 * Of several processes that notice, one rotates: the row of the installation is locked and its incarnation compared.
 */
export class RestoreGuard {
  private readonly logger = new Logger('Tidings');
  private incarnation: string | null = null;
  private seenLsn = 0n;
  private lastKey: { readonly hash: Buffer; readonly at: number } | null = null;
  private tellsIdentity = true;

  constructor(private readonly schema: string) {}

  /** Remembers the dedupe key of the newest commit of this process. */
  committed(key: Buffer): void {
    this.lastKey = { hash: key, at: Date.now() };
  }

  /** Looks for the signs on a connection that is new; rotates the epochs if there is one. Resolves to whether it did. */
  async check(client: ClientBase): Promise<boolean> {
    const before = this.incarnation;
    // As it was when this look began: connections open at the same moment, and the answer of the earlier look may come later.
    const flushedBefore = this.seenLsn;
    const seen = await this.observe(client);
    if (seen.incarnation === null) return this.register(client, seen);
    this.incarnation = seen.incarnation;
    const sign = this.signIn(seen, before, flushedBefore);
    const flushed = parseLsn(seen.lsn);
    if (sign || flushed > this.seenLsn) this.seenLsn = flushed;
    if (!sign) return false;
    if (before !== null && before !== seen.incarnation) {
      // Another process that noticed before us has rotated already. Our last commit is gone for good: it is no sign any more.
      this.lastKey = null;
      return false;
    }
    this.logger.warn(
      `The database looks restored (${sign}): every feed gets a new epoch, and clients a feed.reset.`,
    );
    await this.rotate(client, seen.incarnation, seen);
    return true;
  }

  /** Gives every feed a new epoch, unless the incarnation is not the expected one any more. */
  async rotate(client: ClientBase, expected: string, identity: ServerIdentity): Promise<void> {
    const next = randomUUID();
    // If it fails, the connection is not used, and the transaction ends with it.
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
    const { rows } = await client.query<{ incarnation: string }>(
      `SELECT incarnation FROM ${this.schema}.installation`,
    );
    this.incarnation = rows[0]?.incarnation ?? null;
  }

  private signIn(seen: Observation, before: string | null, flushedBefore: bigint): string | null {
    if (seen.known_system !== null && seen.system !== null && seen.known_system !== seen.system) {
      return `system identifier ${seen.system} instead of ${seen.known_system}`;
    }
    if (seen.known_timeline !== null && seen.timeline !== null && seen.known_timeline !== seen.timeline) {
      return `timeline ${seen.timeline} instead of ${seen.known_timeline}`;
    }
    if (before === null) return null;
    if (!seen.has_last_key) return 'the last commit of this process is gone';
    if (parseLsn(seen.lsn) < flushedBefore)
      return 'the write-ahead log ends before a place that was seen flushed';
    return null;
  }

  private async register(client: ClientBase, seen: Observation): Promise<boolean> {
    await client.query(BEGIN);
    await client.query(
      `INSERT INTO ${this.schema}.installation (incarnation, system_identifier, timeline) VALUES ($1, $2, $3)
       ON CONFLICT DO NOTHING`,
      [randomUUID(), seen.system, seen.timeline],
    );
    await client.query('COMMIT');
    const { rows } = await client.query<{ incarnation: string }>(
      `SELECT incarnation FROM ${this.schema}.installation`,
    );
    this.incarnation = rows[0]?.incarnation ?? null;
    this.seenLsn = parseLsn(seen.lsn);
    return false;
  }

  private async observe(client: ClientBase): Promise<Observation> {
    const identity = this.tellsIdentity
      ? `(SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system,
         (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()) AS timeline,
         CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL ELSE pg_catalog.pg_current_wal_flush_lsn()::text END AS lsn`
      : 'NULL AS system, NULL::integer AS timeline, NULL AS lsn';
    try {
      const { rows } = await client.query<Observation>(
        `SELECT i.incarnation, i.system_identifier AS known_system, i.timeline AS known_timeline, ${identity},
                $1::bytea IS NULL OR EXISTS (SELECT FROM ${this.schema}.dedupe_key WHERE hash = $1) AS has_last_key
           FROM (SELECT) one LEFT JOIN ${this.schema}.installation i ON true`,
        [this.lastKey && Date.now() - this.lastKey.at < KEY_TRUSTED_MS ? this.lastKey.hash : null],
      );
      return rows[0]!;
    } catch (error) {
      // 42501 insufficient_privilege, 0A000 feature_not_supported: a managed service that keeps these to itself.
      const code = (error as { code?: string }).code;
      if (!this.tellsIdentity || (code !== '42501' && code !== '0A000' && code !== '42883')) throw error;
      this.tellsIdentity = false;
      this.logger.warn(
        'This Postgres does not tell its identity: a restored database is only noticed by lost commits.',
      );
      return this.observe(client);
    }
  }
}
