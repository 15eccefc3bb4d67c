import type { Mutation } from './mutation.js';

const QUEUE_TESTS = 'test/contract/queue-postgres.spec.ts';
const G5 = 'test/guarantees/g5-one-job-one-entry.spec.ts';

export const JOBS_MUTATIONS: readonly Mutation[] = [
  {
    name: 'no-dedupe-key',
    breaks: 'Every run of a job has a key of its own, so that a job that runs again makes a second entry.',
    edits: [
      {
        file: 'src/jobs/deliver/delivery.ts',
        find: '  const dedupeKey = dedupeKeyOf(identity, parsed.dedupeKey, parsed.sender?.name ?? null);',
        replace:
          '  const dedupeKey = dedupeKeyOf(identity, parsed.dedupeKey, parsed.sender?.name ?? null) + crypto.randomUUID();',
      },
    ],
    caughtBy: [
      { file: G5, test: 'G5: one job, one entry (Postgres)' },
      { file: QUEUE_TESTS, test: 'keeps its dedupe key when it runs again' },
    ],
  },
  {
    name: 'key-without-timestamp',
    breaks:
      'The key of a job is its queue and id alone: ids begin again at 1, and new jobs are dropped as old ones.',
    edits: [
      {
        file: 'src/jobs/produce/job-identity.ts',
        find: 'return `j:${job.queue}:${job.id}:${job.timestamp}`;',
        replace: 'return `j:${job.queue}:${job.id}`;',
      },
    ],
    caughtBy: [
      { file: 'test/jobs/produce/identity.spec.ts' },
      { file: G5, test: 'appends a new job although the queue was emptied' },
    ],
  },
  {
    name: 'thrown-in-an-outage',
    breaks: 'In an outage of the log the worker throws, where it should move the job to delayed.',
    edits: [
      {
        file: 'src/jobs/work/job-processor.ts',
        find: '        return this.putBack(job, token, error);',
        replace: '        throw error;',
      },
    ],
    caughtBy: [{ file: QUEUE_TESTS, test: 'uses up no attempt and completes them later' }],
  },
  {
    name: 'failed-in-an-outage',
    breaks: 'In an outage of the log the job fails for good, because its producer set no attempts.',
    edits: [
      {
        file: 'src/jobs/work/job-processor.ts',
        find: '      } else if (isRetryable(error)) {',
        replace: '      } else if (isRetryable(error) && (job.opts.attempts ?? 0) > 1) {',
      },
    ],
    caughtBy: [{ file: QUEUE_TESTS, test: 'uses up no attempt and completes them later' }],
  },
  {
    name: 'accepted-before-stored',
    breaks: 'A 202 is sent before the queue has stored the job (G9).',
    edits: [
      {
        file: 'src/jobs/produce/queue-producer.ts',
        find: '    await this.untilStored((startedAt ?? performance.now()) + this.timeoutMs, async () => {',
        replace:
          '    this.untilStored = () => Promise.resolve();\n    await this.untilStored((startedAt ?? performance.now()) + this.timeoutMs, async () => {',
      },
    ],
    caughtBy: [{ file: QUEUE_TESTS, test: 'enqueues one job for one Idempotency-Key' }],
  },
];
