const PREFIX = 'outbox-';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The id of the job that a row of the outbox becomes: the same each time, so that a relay which dies between the queue and the deletion of the row
 * makes no second job. Neither an integer nor with a colon, which BullMQ refuses.
 */
export function outboxJobId(rowId: string): string {
  return `${PREFIX}${rowId}`;
}

/** The row that this job was, or still is; `null` if it came another way. */
export function outboxRowId(jobId: string): string | null {
  if (!jobId.startsWith(PREFIX)) return null;
  const id = jobId.slice(PREFIX.length);
  return UUID.test(id) ? id : null;
}
