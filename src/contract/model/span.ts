import type { SpanRequest, TraceContext } from '../ports/tracing.js';

/**
 * The spans of a notification, named and described by OpenTelemetry's conventions for messaging:
 *
 *     send announcement                  producer   the call that publishes it, whichever door it takes
 *       process announcement             consumer   the job or the row that brings it, if it had to wait
 *         deliver announcement                      render, append, schedule escalations
 *           append announcement                     the wait for the group commit, and the commit
 *             write announcement                    its frame, on each stream that waited for it
 */
export type Step = 'send' | 'process' | 'deliver' | 'append' | 'write';

/** What is known of the notification. */
export interface SpanSubject {
  readonly type: string;
  /** Of the job. */
  readonly id?: string;
  /** The queue; the log, if it is left out. */
  readonly queue?: string;
  readonly recipients?: number;
  readonly parent?: TraceContext | null;
}

const KINDS = { send: 'producer', process: 'consumer' } as const;

/** No recipient and no content: traces are kept where logs are. */
export function spanOf(
  step: Step,
  { type, id, queue = 'log', recipients, parent }: SpanSubject,
): SpanRequest {
  return {
    name: `${step} ${type}`,
    kind: step === 'send' || step === 'process' ? KINDS[step] : 'internal',
    parent,
    attributes: {
      'messaging.system': 'tidings',
      'messaging.operation.name': step,
      ...(step in KINDS && { 'messaging.operation.type': step }),
      'messaging.destination.name': queue,
      'tidings.type': type,
      ...(id !== undefined && { 'messaging.message.id': id }),
      ...(recipients !== undefined && { 'messaging.batch.message_count': recipients }),
    },
  };
}
