import { expect } from '@jest/globals';
import { MAX_DATA_BYTES } from '../../src/contract/model/job.js';

/** The body of a notification that is accepted, but for these fields. */
export const job = (others: object = {}): object => ({
  type: 'task-completed',
  to: 'ada',
  data: { taskId: '7', title: 'Export' },
  ...others,
});

const TYPE = 'must match ^[a-z][a-z0-9.-]{0,63}$, is ';

/** Bodies that are refused with 400: what they are, the code, and the errors. */
export const INVALID_BODIES: readonly (readonly [string, unknown, string, object[]])[] = [
  [
    'no type',
    job({ type: undefined }),
    'invalid-job',
    [{ field: 'type', problem: 'must be a string, not missing' }],
  ],
  [
    'a type that is no text',
    job({ type: 7 }),
    'invalid-job',
    [{ field: 'type', problem: 'must be a string, not a number' }],
  ],
  [
    'a type with CR and LF',
    job({ type: 'a\r\nid: 1' }),
    'invalid-job',
    [{ field: 'type', problem: `${TYPE}"a\\r\\nid: 1"` }],
  ],
  [
    'a type with NUL',
    job({ type: 'a\u0000' }),
    'invalid-job',
    [{ field: 'type', problem: `${TYPE}"a\\u0000"` }],
  ],
  [
    'a type with a lone surrogate',
    job({ type: 'a\ud800' }),
    'invalid-job',
    [{ field: 'type', problem: `${TYPE}"a\\ud800"` }],
  ],
  [
    'a reserved type',
    job({ type: 'feed.read' }),
    'invalid-job',
    [{ field: 'type', problem: 'must not begin with "feed."' }],
  ],
  [
    'an unknown type',
    job({ type: 'task-complete' }),
    'unknown-type',
    [{ field: 'type', problem: 'is not declared: "task-complete"' }],
  ],
  [
    'a wrong type beside other wrong fields',
    { type: 'X', to: [], colour: 'red' },
    'invalid-job',
    [
      { field: 'type', problem: `${TYPE}"X"` },
      { field: 'to', problem: 'must name at least one recipient' },
      { field: 'colour', problem: expect.stringMatching(/^is not a known field; known are to, tenant,/) },
      { field: 'data', problem: 'is missing' },
    ],
  ],
  [
    'recipients with control characters, surrogates and none at all',
    job({ to: ['ada', 'a\u0000', 'b\ud800', ''] }),
    'invalid-job',
    [
      { field: 'to[1]', problem: 'must not contain control characters' },
      { field: 'to[2]', problem: 'must be well-formed Unicode (it has a lone surrogate)' },
      { field: 'to[3]', problem: 'must not be empty' },
    ],
  ],
  [
    'too many recipients',
    job({ to: Array.from({ length: 1001 }, (_, i) => `u${i}`) }),
    'invalid-job',
    [{ field: 'to', problem: 'must name at most 1000 recipients, names 1001' }],
  ],
  [
    'a wrong field of the data',
    job({ data: { taskId: '7', title: 7 } }),
    'invalid-job',
    [{ field: 'data.title', problem: expect.stringContaining('expected string') }],
  ],
  [
    'NUL in the data',
    job({ data: { taskId: '7', title: 'a\u0000b' } }),
    'invalid-job',
    [{ field: 'data.title', problem: 'must not contain NUL' }],
  ],
  [
    'data over 64 KiB',
    job({ data: { taskId: '7', title: 'x'.repeat(MAX_DATA_BYTES) } }),
    'invalid-job',
    [{ field: 'data', problem: expect.stringContaining('must have at most 65536 bytes as JSON') }],
  ],
  [
    'a date without a zone',
    job({ deliverAt: '2030-01-01T00:00:00' }),
    'invalid-job',
    [{ field: 'deliverAt', problem: expect.stringContaining('with a zone') }],
  ],
  [
    'an empty array',
    [],
    'invalid-request',
    [{ field: 'body', problem: 'must have 1 to 100 notifications, has 0' }],
  ],
  [
    'a long array',
    Array.from({ length: 101 }, () => job()),
    'invalid-request',
    [{ field: 'body', problem: 'must have 1 to 100 notifications, has 101' }],
  ],
];
