import { ERROR_TABLE } from '../../contract/errors.js';
import { MAX_RECIPIENTS } from '../../contract/model/job.js';
import { MAX_CHANGED_IDS } from '../../contract/model/selection.js';

/** A JSON Schema (2020-12), as OpenAPI 3.1 takes it. */
export type Schema = Readonly<Record<string, unknown>>;

const ID = '0193f5e2-7c1b-7abc-8def-0123456789ab';
const CURSOR = '3f9a0c22d1-43';

const text = { type: 'string' } as const;
const nullable = (schema: Schema): Schema => ({ ...schema, type: [schema['type'], 'null'] });
const count = { type: 'integer', minimum: 0 } as const;
const time = { type: 'string', format: 'date-time' } as const;
const id = { type: 'string', format: 'uuid', examples: [ID] } as const;
const name = { type: 'string', minLength: 1, maxLength: 256 } as const;
const cursor = { type: 'string', pattern: '^[a-z0-9]{1,16}-(0|[1-9][0-9]*)$', examples: [CURSOR] } as const;
const object = (
  properties: Record<string, Schema>,
  optional: readonly string[] = [],
  open = false,
): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((key) => !optional.includes(key)),
  additionalProperties: open,
});
const ids = { type: 'array', items: id, minItems: 1, maxItems: MAX_CHANGED_IDS } as const;
const counts = { unread: count, unseen: count, cursor };
const recipients: Schema = {
  oneOf: [name, { type: 'array', items: name, minItems: 1, maxItems: MAX_RECIPIENTS }],
};

export const ref = (schema: keyof typeof SCHEMAS): Schema => ({ $ref: `#/components/schemas/${schema}` });

const notification = {
  type: { ...text, pattern: '^[a-z][a-z0-9.-]{0,63}$', examples: ['task-completed'] },
  id,
  cursor,
  title: text,
  body: nullable(text),
  link: nullable(text),
  data: { description: "What the type's schema made of the producer's data." },
  version: { type: 'integer', minimum: 1 },
  createdAt: time,
  readAt: nullable(time),
  count: { ...count, minimum: 1, description: 'How many notifications this one stands for.' },
  replaces: { type: 'array', items: id },
};

/** Every shape of the HTTP interface, by its name in the document. */
export const SCHEMAS = {
  Notification: object(notification),
  Counts: object(counts),
  Page: object({
    items: { type: 'array', items: { $ref: '#/components/schemas/Notification' } },
    next: nullable({ ...cursor, description: '`before` of the next page; null at the end.' }),
    ...counts,
  }),
  SupportPage: object({
    items: {
      type: 'array',
      items: object({ ...notification, status: { enum: ['shown', 'archived', 'expired', 'removed'] } }),
    },
    next: nullable(cursor),
    ...counts,
    dropped: {
      type: 'array',
      items: object({
        reason: { enum: ['muted', 'duplicate', 'expired', 'recalled', 'erased'] },
        type: text,
        jobId: text,
        at: time,
      }),
    },
  }),
  IdsOrUpTo: {
    oneOf: [object({ ids }), object({ upTo: cursor })],
    examples: [{ ids: [ID] }, { upTo: CURSOR }],
  },
  Ids: { ...object({ ids }), examples: [{ ids: [ID] }] },
  UpTo: { ...object({ upTo: cursor }), examples: [{ upTo: CURSOR }] },
  Preferences: {
    ...object({ muted: { type: 'array', items: text } }),
    examples: [{ muted: ['announcement'] }],
  },
  Job: {
    ...object(
      {
        type: { ...text, description: 'A declared type.' },
        to: recipients,
        tenant: { ...text, maxLength: 256 },
        data: { description: "What the type's schema takes; at most 64 KiB." },
        dedupeKey: name,
        deliverAt: time,
        expiresAt: time,
        collapseKey: name,
        version: { type: 'integer', minimum: 1, description: 'Of the data, where the type has had several.' },
      },
      ['tenant', 'dedupeKey', 'deliverAt', 'expiresAt', 'collapseKey', 'version'],
    ),
    examples: [
      {
        type: 'task-completed',
        to: 'ada',
        data: { taskId: 'export-7', title: 'Export', status: 'succeeded', resultUrl: '/exports/7' },
      },
    ],
  },
  Accepted: {
    ...object({ jobs: { type: 'array', items: object({ id: text }) } }),
    examples: [{ jobs: [{ id: ID }] }],
  },
  Cancelled: { ...object({ outcome: { const: 'cancelled' } }), examples: [{ outcome: 'cancelled' }] },
  Recall: {
    ...object({ to: recipients, tenant: { ...text, maxLength: 256 }, dedupeKey: name }, ['tenant']),
    examples: [{ to: ['ada', 'grace'], dedupeKey: 'order-17-paid' }],
  },
  Recalled: {
    ...object({
      results: {
        type: 'array',
        items: object({ to: text, outcome: { enum: ['recalled', 'prevented', 'gone'] } }),
      },
    }),
    examples: [{ results: [{ to: 'ada', outcome: 'recalled' }] }],
  },
  Erasure: {
    ...object({ feeds: count, entries: count, jobs: count }),
    examples: [{ feeds: 1, entries: 12, jobs: 0 }],
  },
  Alive: object({ status: { const: 'alive' } }),
  Readiness: object(
    {
      status: { enum: ['ready', 503] },
      checks: {
        type: 'array',
        items: object({ name: text, status: { enum: ['ok', 'failed', 'timeout'] } }),
      },
      type: text,
      title: text,
      code: { enum: ['draining', 'not-ready'] },
      detail: text,
    },
    ['type', 'title', 'code', 'detail'],
  ),
  Problem: object(
    {
      type: { const: 'about:blank' },
      title: text,
      status: { type: 'integer', minimum: 400, maximum: 599 },
      detail: text,
      code: { enum: Object.keys(ERROR_TABLE), description: 'Stable; may be switched on.' },
      instance: { ...text, description: 'Of an error on our side: the same in the log.' },
      errors: { type: 'array', maxItems: 100, items: object({ field: text, problem: text }) },
    },
    ['instance', 'errors'],
  ),
} satisfies Record<string, Schema>;
