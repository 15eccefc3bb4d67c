import { Logger } from '@nestjs/common';
import type { FeedKey } from '../../contract/model/feed.js';
import type { AudienceRenderer, RenderedText } from '../../contract/ports/audience.js';
import { describeError } from '../../platform/logging/describe-error.js';
import { RepeatedErrors } from '../../platform/logging/repeated-errors.js';
import type { TypeRegistry } from '../../types/type-registry.js';
import { DEFAULT_LOCALE, type Locales } from './locales.js';

/**
 * Renders entries of audiences when they are taken, in the languages of the members. In the default language they
 * were rendered when they were published, so that what can never be rendered was refused then.
 */
export class TypeAudienceRenderer implements AudienceRenderer {
  readonly mandatory: readonly string[];
  private readonly errors = new RepeatedErrors(new Logger('Audiences'));

  constructor(
    private readonly types: TypeRegistry,
    private readonly languages: Locales,
  ) {
    this.mandatory = types.mandatory;
  }

  async locales(feeds: readonly FeedKey[]): Promise<readonly (string | null)[]> {
    const locales = await this.languages.of(feeds);
    return locales.map((locale) => (locale === DEFAULT_LOCALE ? null : locale));
  }

  async render(
    { type, version, dataJson }: Parameters<AudienceRenderer['render']>[0],
    locale: string,
  ): Promise<RenderedText | null> {
    // During a rolling deploy another process may have published a type that is unknown here.
    if (!this.types.find(type)) return null;
    try {
      const prepared = await this.types.prepare(type, JSON.parse(dataJson), version);
      const { title, body, link, contentJson } = prepared.compose({ locale });
      return { title, body, link, contentJson };
    } catch (error) {
      // An announcement in another language is better than a feed that cannot be opened.
      this.errors.report(
        new Error(`An announcement of ${type} is shown in ${DEFAULT_LOCALE}: ${describeError(error)}`),
      );
      return null;
    }
  }
}
