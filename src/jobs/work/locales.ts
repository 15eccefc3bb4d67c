import type { FeedKey } from '../../contract/model/feed.js';
import { feedId } from '../../contract/model/feed.js';
import type { ResolveLocales } from '../../contract/options/options.js';
import { within } from '../../platform/time/with-timeout.js';
import { describeError } from '../../platform/logging/describe-error.js';

/** Of recipients whose language nobody knows. */
export const DEFAULT_LOCALE = 'en';
const ANSWER_MS = 10_000;

interface Asked {
  readonly feeds: readonly FeedKey[];
  readonly resolve: (locales: readonly string[]) => void;
  readonly reject: (error: Error) => void;
}

/** The languages of recipients. What jobs that run at the same moment ask is one call of the host's function, each recipient once. */
export class Locales {
  private waiting: Asked[] = [];

  constructor(private readonly resolveLocales: ResolveLocales | null) {}

  /**
   * One locale for each feed, in order: a canonical BCP 47 tag.
   *
   * @throws {Error} if the host's function fails, or takes longer than 10 s: the job is to be tried again.
   */
  async of(feeds: readonly FeedKey[]): Promise<readonly string[]> {
    if (!this.resolveLocales) return feeds.map(() => DEFAULT_LOCALE);
    return new Promise((resolve, reject) => {
      this.waiting.push({ feeds, resolve, reject });
      // The jobs that BullMQ hands out together ask together.
      if (this.waiting.length === 1) setImmediate(() => void this.flush(this.resolveLocales!));
    });
  }

  private async flush(resolveLocales: ResolveLocales): Promise<void> {
    const asked = this.waiting;
    this.waiting = [];
    const unique = new Map(asked.flatMap(({ feeds }) => feeds.map((feed) => [feedId(feed), feed])));
    try {
      const answers = await within(
        ANSWER_MS,
        // In a turn of its own, so that what it throws at once is no different.
        Promise.resolve().then(() => resolveLocales([...unique.values()])),
        () => new Error(`it gave no answer within ${ANSWER_MS} ms`),
      );
      if (!Array.isArray(answers) || answers.length !== unique.size)
        throw new TypeError(`it must return one locale for each of the ${unique.size} recipients, in order`);
      const locales = new Map([...unique.keys()].map((id, index) => [id, canonical(answers[index])]));
      for (const { feeds, resolve } of asked) resolve(feeds.map((feed) => locales.get(feedId(feed))!));
    } catch (error) {
      const failure = new Error(`resolveLocales failed: ${describeError(error)}`, { cause: error });
      for (const { reject } of asked) reject(failure);
    }
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
