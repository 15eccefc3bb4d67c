import type { FeedKey } from '../../contract/model/feed.js';
import { feedKeyString } from '../../contract/model/feed.js';
import type { ResolveLocales } from '../../contract/options/options.js';
import { BatchLoader } from '../../platform/batch-loader.js';
import { withTimeout } from '../../platform/time/with-timeout.js';
import { describeError } from '../../platform/logging/describe-error.js';

/** The locale of recipients whose language is unknown. */
export const DEFAULT_LOCALE = 'en';
const ANSWER_MS = 10_000;

/**
 * The languages of recipients. Lookups by jobs that run at the same time become one `resolveLocales` call,
 * with each recipient once.
 */
export class Locales {
  private readonly loader: BatchLoader<FeedKey, string> | null;

  constructor(resolveLocales: ResolveLocales | null) {
    this.loader =
      resolveLocales &&
      new BatchLoader((feeds) => localesOf(resolveLocales, feeds), { maxBatch: 10_000, maxConcurrent: 100 });
  }

  /**
   * Returns one canonical BCP 47 tag per feed, in order.
   *
   * @throws {Error} if `resolveLocales` fails or takes longer than 10 s: the job must be retried.
   */
  async of(feeds: readonly FeedKey[]): Promise<readonly string[]> {
    const { loader } = this;
    if (!loader) return feeds.map(() => DEFAULT_LOCALE);
    return Promise.all(feeds.map((feed) => loader.load(feed)));
  }
}

async function localesOf(
  resolveLocales: ResolveLocales,
  feeds: readonly FeedKey[],
): Promise<readonly string[]> {
  const unique = new Map(feeds.map((feed) => [feedKeyString(feed), feed]));
  try {
    const answers = await withTimeout(
      ANSWER_MS,
      // Inside a promise, so that a synchronous throw is handled the same way.
      Promise.resolve().then(() => resolveLocales([...unique.values()])),
      () => new Error(`no answer within ${ANSWER_MS} ms`),
    );
    if (!Array.isArray(answers) || answers.length !== unique.size)
      throw new TypeError(`it must return one locale for each of the ${unique.size} recipients, in order`);
    const locales = new Map([...unique.keys()].map((id, index) => [id, canonical(answers[index])]));
    return feeds.map((feed) => locales.get(feedKeyString(feed))!);
  } catch (error) {
    throw new Error(`resolveLocales failed: ${describeError(error)}`, { cause: error });
  }
}

/** Returns a tag that `Intl` accepts: an invalid language tag must not make a renderer fail. */
function canonical(locale: unknown): string {
  if (typeof locale !== 'string' || locale === '') return DEFAULT_LOCALE;
  try {
    return Intl.getCanonicalLocales(locale)[0] ?? DEFAULT_LOCALE;
  } catch {
    return DEFAULT_LOCALE;
  }
}
