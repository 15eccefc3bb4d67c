import type { FeedKey } from '../../contract/model/feed.js';
import { feedKeyString } from '../../contract/model/feed.js';
import type { ResolveLocales } from '../../contract/options/options.js';
import { BatchLoader } from '../../platform/batch-loader.js';
import { withTimeout } from '../../platform/time/with-timeout.js';
import { describeError } from '../../platform/logging/describe-error.js';

/** Of recipients whose language nobody knows. */
export const DEFAULT_LOCALE = 'en';
const ANSWER_MS = 10_000;

/** The languages of recipients. What jobs that run at the same moment ask is one call of the host's function, each recipient once. */
export class Locales {
  private readonly loader: BatchLoader<FeedKey, string> | null;

  constructor(resolveLocales: ResolveLocales | null) {
    this.loader =
      resolveLocales &&
      new BatchLoader((feeds) => localesOf(resolveLocales, feeds), { maxBatch: 10_000, maxConcurrent: 100 });
  }

  /**
   * One locale for each feed, in order: a canonical BCP 47 tag.
   *
   * @throws {Error} if the host's function fails, or takes longer than 10 s: the job is to be tried again.
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
      // In a turn of its own, so that what it throws at once is no different.
      Promise.resolve().then(() => resolveLocales([...unique.values()])),
      () => new Error(`it gave no answer within ${ANSWER_MS} ms`),
    );
    if (!Array.isArray(answers) || answers.length !== unique.size)
      throw new TypeError(`it must return one locale for each of the ${unique.size} recipients, in order`);
    const locales = new Map([...unique.keys()].map((id, index) => [id, canonical(answers[index])]));
    return feeds.map((feed) => locales.get(feedKeyString(feed))!);
  } catch (error) {
    throw new Error(`resolveLocales failed: ${describeError(error)}`, { cause: error });
  }
}

/** What `Intl` takes: a renderer must not fail because of a language tag that somebody has typed. */
function canonical(locale: unknown): string {
  if (typeof locale !== 'string' || locale === '') return DEFAULT_LOCALE;
  try {
    return Intl.getCanonicalLocales(locale)[0] ?? DEFAULT_LOCALE;
  } catch {
    return DEFAULT_LOCALE;
  }
}
