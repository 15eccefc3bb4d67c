import { defineNotification } from '../../contract/model/notification-type.js';
import { link, object, oneOf, text, wholeNumber } from './fields.js';

/**
 * A long task of the recipient ended: `{taskId, title, status: 'succeeded' | 'failed', durationMs?,
 * resultUrl?}`. It shows the task's title, with the outcome in the body, and links to `resultUrl`.
 */
export const taskCompleted = defineNotification('task-completed', {
  version: 1,
  label: 'Finished tasks',
  description: 'A task of yours has ended, such as an export.',
  category: 'tasks',
  schema: object({
    taskId: text,
    title: text,
    status: oneOf(['succeeded', 'failed']),
    durationMs: wholeNumber(0).optional(),
    resultUrl: link.optional(),
  }),
  render: ({ title, status, durationMs, resultUrl }, { locale }) => {
    const duration = durationMs === undefined ? null : formatDuration(durationMs, locale);
    const failed = duration ? `Failed after ${duration}` : 'Failed';
    const succeeded = duration ? `Finished in ${duration}` : null;
    return { title, body: status === 'failed' ? failed : succeeded, link: resultUrl };
  },
});

const UNITS = [
  { unit: 'day', ms: 86_400_000 },
  { unit: 'hour', ms: 3_600_000 },
  { unit: 'minute', ms: 60_000 },
  { unit: 'second', ms: 1_000 },
  { unit: 'millisecond', ms: 1 },
] as const;

/** Creating a formatter costs more than the rest of a job. */
const formats = new Map<string, Intl.NumberFormat>();

/** Formats in the largest unit that fits, with at most one decimal: `850 ms`, `12.3 sec`, `2 hr`. */
function formatDuration(durationMs: number, locale: string): string {
  const { unit, ms } = UNITS.find((candidate) => durationMs >= candidate.ms) ?? UNITS[4];
  const key = `${locale} ${unit}`;
  const format =
    formats.get(key) ??
    new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 1 });
  formats.set(key, format);
  return format.format(durationMs / ms);
}
