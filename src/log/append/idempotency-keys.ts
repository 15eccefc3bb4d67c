import { createHash } from 'node:crypto';
import type { ClaimOutcome, IdempotencyClaim, IdempotencyKeys } from '../../contract/ports/idempotency.js';
import { BatchLoader } from '../../platform/batch-loader.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';

/**
 * Parameters: hashes, each once and sorted, so that two batches cannot deadlock; fingerprints; hashes of the jobs' own keys. The update
 * changes nothing, but makes an existing row's
 * fingerprint part of the result. Result: hash, fingerprint, whether the row is new (only an update sets `xmax`).
 */
const CLAIM: Statement = (schema) => `
  INSERT INTO ${schema}.dedupe_key AS k (hash, feed_id, seq, created_at, fingerprint, delivers)
  SELECT i.hash, 0, 0, clock_timestamp(), i.fingerprint, i.delivers
    FROM unnest($1::bytea[], $2::bytea[], $3::bytea[]) AS i (hash, fingerprint, delivers)
  ON CONFLICT (hash) DO UPDATE SET hash = excluded.hash
  RETURNING k.hash, k.fingerprint, k.xmax = 0 AS is_new`;

/** Parameters: a hash. Result: one row if its job was delivered. A number below 1 is a recall. */
const FIND_DELIVERED: Statement = (schema) => `
  SELECT FROM ${schema}.dedupe_key c JOIN ${schema}.dedupe_key k ON k.hash = c.delivers
   WHERE c.hash = $1 AND k.seq > 0`;

/** Parameters: a hash. */
const RELEASE: Statement = (schema) => `DELETE FROM ${schema}.dedupe_key WHERE hash = $1`;

interface ClaimRow extends Record<string, unknown> {
  hash: Buffer;
  fingerprint: Buffer | null;
  is_new: boolean;
}

/**
 * Stores Idempotency-Keys beside the dedupe keys, so that both are pruned together. Claims made at the same
 * moment share one statement.
 */
export class PostgresIdempotencyKeys implements IdempotencyKeys {
  private readonly claims: BatchLoader<IdempotencyClaim, ClaimOutcome>;

  constructor(private readonly database: LogDatabase) {
    this.claims = new BatchLoader((claims) => claimAll(database, claims), {
      maxBatch: 500,
      maxConcurrent: 2,
    });
  }

  claim(claim: IdempotencyClaim): Promise<ClaimOutcome> {
    return this.claims.load(claim);
  }

  async isDelivered(jobId: string): Promise<boolean> {
    return (await this.database.query(FIND_DELIVERED, [Buffer.from(hashOf(jobId), 'hex')])).length > 0;
  }

  async release(jobId: string): Promise<void> {
    await this.database.query(RELEASE, [Buffer.from(hashOf(jobId), 'hex')]);
  }
}

async function claimAll(database: LogDatabase, claims: readonly IdempotencyClaim[]): Promise<ClaimOutcome[]> {
  // The first claim of a key in the batch inserts the row; a claim with another body finds it.
  const first = new Map<string, IdempotencyClaim>();
  for (const claim of claims) {
    const hash = hashOf(claim.jobId);
    if (!first.has(hash)) first.set(hash, claim);
  }
  const hashes = [...first.keys()].sort();
  const rows = await database.query<ClaimRow>(CLAIM, [
    hashes.map((hash) => Buffer.from(hash, 'hex')),
    hashes.map((hash) => first.get(hash)!.fingerprint),
    hashes.map((hash) => first.get(hash)!.delivers),
  ]);
  const known = new Map(rows.map((row) => [row.hash.toString('hex'), row]));
  return claims.map(({ jobId, fingerprint }) => {
    const row = known.get(hashOf(jobId))!;
    if (row.fingerprint && !row.fingerprint.equals(fingerprint)) return 'other';
    return row.is_new ? 'first' : 'same';
  });
}

/** Never equal to the hash of a dedupe key: recipient names cannot be empty. */
function hashOf(jobId: string): string {
  return createHash('sha256').update(`\u0000\u0000${jobId}`).digest('hex').slice(0, 32);
}
