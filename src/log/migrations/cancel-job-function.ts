import { ASSERT_READ_COMMITTED, WAIT_FOR_THE_DISK } from './append-batch-function.js';

/**
 * The function that decides between the cancellation of a job and appends of it that are still under way, such as one whose caller has given
 * up and left the job to the queue: exactly one of the two wins.
 *
 * It locks the feeds of the job, so that an append has either committed, and its keys are found, or reads `cancelled_job` later. A feed that
 * has no row yet cannot be locked: then an append may have won after all, and the function must be called again, after its commit.
 *
 * Parameters: the feeds, each once; the hashes of the job's key in these feeds; the job's fingerprint, and when it was queued, in milliseconds.
 * Later jobs with the same fingerprint (a repetition with the same Idempotency-Key) are other jobs. Result: in how many feeds the job was
 * appended, where 0 means that it is cancelled; and how many feeds have no row.
 */
export function cancelJobFunction(schema: string): string {
  return `
CREATE FUNCTION ${schema}.cancel_job(tenants text[], recipients text[], hashes bytea[], fingerprint bytea, queued bigint)
RETURNS TABLE (appended integer, missing integer) LANGUAGE plpgsql
SET lock_timeout = '3s'
SET enable_seqscan = off
AS $cancel$
#variable_conflict use_column
BEGIN
  ${ASSERT_READ_COMMITTED}
  ${WAIT_FOR_THE_DISK}
  PERFORM FROM unnest(tenants, recipients) AS i (tenant, recipient)
     JOIN ${schema}.feed t ON t.tenant = i.tenant AND t.recipient = i.recipient
    ORDER BY t.id FOR NO KEY UPDATE OF t;
  GET DIAGNOSTICS missing = ROW_COUNT;
  missing := cardinality(tenants) - missing;
  -- A number below 1 is a recall.
  SELECT count(*)::integer INTO appended FROM ${schema}.dedupe_key k
   WHERE k.hash = ANY (hashes) AND k.fingerprint = cancel_job.fingerprint AND k.seq > 0;
  IF appended > 0 THEN
    DELETE FROM ${schema}.cancelled_job c WHERE c.fingerprint = cancel_job.fingerprint AND c.queued_up_to = queued;
  ELSE
    INSERT INTO ${schema}.cancelled_job AS c (fingerprint, queued_up_to, at) VALUES (fingerprint, queued, now())
    ON CONFLICT (fingerprint) DO UPDATE SET queued_up_to = greatest(c.queued_up_to, excluded.queued_up_to), at = excluded.at;
  END IF;
  RETURN NEXT;
END
$cancel$`;
}
