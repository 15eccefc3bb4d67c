import { isAudience } from '../../contract/model/audience.js';
import { cut } from '../../contract/cut.js';
import type { FeedKey } from '../../contract/model/feed.js';
import type { ParsedJob } from '../../contract/model/job.js';
import type { Appender, AppendOptions, AppendResult, NewNotification } from '../../contract/ports/append.js';
import type { Clock } from '../../contract/ports/clock.js';
import { spanOf, type SpanSubject } from '../../contract/model/span.js';
import { traced, type Tracing } from '../../contract/ports/tracing.js';
import type { DropLog, DropReason } from '../../contract/ports/support.js';
import { WeightedLimiter } from '../../platform/weighted-limiter.js';
import { CANARY } from '../../types/canary.js';
import type { Composed, Prepared } from '../../types/type-registry.js';
import type { Escalations } from '../after/escalations.js';
import { dedupeKeyOf, jobFingerprint, type JobIdentity } from '../produce/job-identity.js';
import { DEFAULT_LOCALE, type Locales } from './locales.js';

/** A validated job, ready to be appended to the log. */
export interface DeliverableJob {
  /** Created before the first attempt and the same for every door, so that a job tried at two doors makes one entry. */
  readonly identity: JobIdentity;
  readonly type: string;
  readonly parsed: ParsedJob;
  /** The validated data, to be rendered for each locale. */
  readonly prepared: Prepared;
}

/** The number of recipients that got the job, and of those that did not, by reason. */
export interface DeliveryResult {
  readonly appended: number;
  /** Committed by an earlier attempt of this job, or by another job with the same key. */
  readonly duplicates: number;
  readonly expired?: number;
  readonly muted?: number;
  readonly recalled?: number;
  readonly cancelled?: number;
  readonly erased?: number;
}

/** The recipients whose bulk work is rendered and appended at once: two batches. The queue holds the rest, not memory. */
const MAX_BULK_RECIPIENTS = 2_000;

/** The ports of {@link Delivery}. */
export interface DeliveryParts {
  readonly appender: Appender;
  readonly dropLog: DropLog;
  /** Default: the clock of this machine. */
  readonly clock?: Clock;
  readonly tracing?: Tracing | null;
  readonly locales: Locales;
  readonly escalations: Pick<Escalations, 'schedule' | 'isReadyFor'> | null;
}

/** The single path from a validated job to the log, for every door. Safe to repeat. */
export class Delivery {
  private readonly bulk = new WeightedLimiter(MAX_BULK_RECIPIENTS);

  constructor(private readonly parts: DeliveryParts) {}

  /** When the log last committed for this process, as `performance.now()`. */
  get lastCommitAt(): number {
    return this.parts.appender.lastCommitAt;
  }

  /** Whether everything that a notification of this type needs seems to be available. */
  isReadyFor(type: string): boolean {
    return this.parts.escalations?.isReadyFor(type) ?? true;
  }

  /**
   * Renders and appends the job, schedules escalations and records dropped notifications.
   *
   * @param options `urgent`: a caller waits for the answer. Without it, the job waits while others with many recipients are in progress.
   * `signal`: stops what is not in a transaction yet; the call then rejects.
   * @throws {InvalidJobError} if rendering fails or Postgres rejects the content.
   * @throws {LogUnavailableError} if the log does not answer. Part of the job may be committed: repeat it.
   * @throws {FeedBusyError} if one of the feeds stays locked for too long: repeat the job.
   * @throws {QueueUnavailableError} if escalations could not be scheduled. The entries are committed: repeat the job.
   */
  deliver(job: DeliverableJob, options: AppendOptions = {}): Promise<DeliveryResult> {
    const { tracing = null } = this.parts;
    return traced(
      tracing,
      () => spanOf('deliver', subjectOf(job)),
      () => this.run(job, options),
    );
  }

  private async run(job: DeliverableJob, options: AppendOptions): Promise<DeliveryResult> {
    const { feeds, expiresAt } = job.parsed;
    if (expiresAt && expiresAt.getTime() <= Date.now()) {
      await this.recordDropped(job, feeds, 'expired');
      return { appended: 0, duplicates: 0, expired: feeds.length };
    }
    const append = async (): Promise<AppendResult[]> => {
      const composed = await this.compose(job.prepared, feeds);
      const { appender, tracing = null } = this.parts;
      return traced(
        tracing,
        () => spanOf('append', subjectOf(job)),
        () => {
          const { traceparent } = tracing?.active() ?? {};
          return appender.append(notificationsOf(job, composed, this.clockAheadMs, traceparent), options);
        },
      );
    };
    const results = await (options.urgent ? append() : this.bulk.run(feeds.length, append));
    // Before the job counts as done: if the process dies here, the job runs again and schedules them.
    if (job.type !== CANARY.name) await this.parts.escalations?.schedule(job.type, results);
    return this.summarize(job, results);
  }

  /** How far the clock of the database is ahead of this machine's. */
  private get clockAheadMs(): number {
    const { clock } = this.parts;
    return clock ? Math.round(clock.now() - Date.now()) : 0;
  }

  private async compose(prepared: Prepared, feeds: readonly FeedKey[]): Promise<readonly Composed[]> {
    const byLocale = new Map<string, Composed>();
    // An audience has no language: its members' are looked up when they take the entry.
    const locales = feeds.some(isAudience)
      ? feeds.map(() => DEFAULT_LOCALE)
      : await this.parts.locales.of(feeds);
    return locales.map((locale) => {
      const composed = byLocale.get(locale) ?? prepared.compose({ locale });
      byLocale.set(locale, composed);
      return composed;
    });
  }

  /** Counts the outcomes and records dropped notifications. */
  private async summarize(job: DeliverableJob, results: readonly AppendResult[]): Promise<DeliveryResult> {
    const feeds: Record<AppendResult['outcome'], FeedKey[]> = {
      appended: [],
      duplicate: [],
      muted: [],
      recalled: [],
      cancelled: [],
      erased: [],
    };
    for (const { outcome, feed } of results) feeds[outcome].push(feed);
    // Excludes duplicates committed by an earlier attempt of this job: their recipients have the
    // notification.
    const others = results.filter((result) => result.outcome === 'duplicate' && result.conflict);
    await this.recordDropped(
      job,
      others.map(({ feed }) => feed),
      'duplicate',
    );
    const summary: { -readonly [K in keyof DeliveryResult]: DeliveryResult[K] } = {
      appended: feeds.appended.length,
      duplicates: feeds.duplicate.length,
    };
    for (const reason of ['muted', 'recalled', 'erased'] as const) {
      if (feeds[reason].length === 0) continue;
      summary[reason] = feeds[reason].length;
      await this.recordDropped(job, feeds[reason], reason);
    }
    // Not recorded: its producer has been told.
    if (feeds.cancelled.length > 0) summary.cancelled = feeds.cancelled.length;
    return summary;
  }

  private async recordDropped(
    { identity, type }: DeliverableJob,
    feeds: readonly FeedKey[],
    reason: DropReason,
  ): Promise<void> {
    if (feeds.length === 0) return;
    await this.parts.dropLog.record(feeds.map((feed) => ({ feed, reason, type, jobId: cut(identity.id) })));
  }
}

function subjectOf({ identity, type, parsed }: DeliverableJob): SpanSubject {
  return { type, id: identity.id, recipients: parsed.feeds.length };
}

function notificationsOf(
  { identity, parsed, prepared }: DeliverableJob,
  composed: readonly Composed[],
  aheadMs: number,
  traceparent: string | undefined,
): NewNotification[] {
  const { mandatory = false, expiresAfterMs } = prepared.type;
  const { collapseKey } = parsed;
  const expiresAt = parsed.expiresAt ?? (expiresAfterMs ? new Date(Date.now() + expiresAfterMs) : null);
  const dedupeKey = dedupeKeyOf(identity, parsed.dedupeKey, parsed.sender?.name ?? null);
  const fingerprint = jobFingerprint(identity);
  const queuedAt = new Date(identity.timestamp);
  // What is due later is not late before that.
  const publishedAt = Math.max(identity.timestamp, parsed.deliverAt?.getTime() ?? 0) + aheadMs;
  // Field by field: spreading one object into another here takes V8 as long as the rest of the delivery.
  return parsed.feeds.map((feed, index): NewNotification => {
    const { type, version, title, body, link, contentJson, category, dataJson } = composed[index]!;
    return {
      feed,
      dedupeKey,
      fingerprint,
      type,
      title,
      body,
      link,
      contentJson,
      category,
      dataJson,
      version,
      expiresAt,
      collapseKey,
      mandatory,
      queuedAt,
      publishedAt,
      traceparent,
    };
  });
}
