import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { localeOf } from '../../src/browser/element/language.js';

describe('the locale of a lang attribute', () => {
  it.each([
    ['de-DE', 'de-DE'],
    ['de_DE', 'de-DE'],
    ['DE_de', 'de-DE'],
    ['zh_Hant_TW', 'zh-Hant-TW'],
    ['de_DE.UTF-8', 'de-DE'],
    ['ca_ES@euro', 'ca-ES'],
    [' fr ', 'fr'],
  ])('understands %j', (tag, locale) => {
    expect(localeOf(tag)).toBe(locale);
  });

  it.each(['', ' ', '_', 'de_', 'C', 'POSIX', 'english', 'de DE', 'xx', '*', '.UTF-8', '\0'])(
    'has none for %j, and does not throw',
    (tag) => {
      expect(localeOf(tag)).toBeUndefined();
    },
  );

  it('gives Intl nothing that makes it throw, for any text', () => {
    fc.assert(
      fc.property(fc.string(), (tag) => {
        expect(new Intl.NumberFormat(localeOf(tag)).format(1)).toBeTruthy();
      }),
    );
  });
});
