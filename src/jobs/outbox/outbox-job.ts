const PREFIX = 'outbox-';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The id of the job for a row of the outbox. It is the same each time, so that a relay that dies between the queue and the deletion of the row
 * makes no second job. It is no integer and has no colon, which BullMQ refuses.
 */
export function outboxJobId(rowId: string): string {
  return `${PREFIX}${rowId}`;
}

/** The id of the row that became this job; `null` if the job does not come from the outbox. */
export function outboxRowId(jobId: string): string | null {
  if (!jobId.startsWith(PREFIX)) return null;
  const id = jobId.slice(PREFIX.length);
  return UUID.test(id) ? id : null;
}
