/** The ISO 4217 codes of the currencies that this Node can format. */
const CURRENCIES = new Set(Intl.supportedValuesOf('currency'));

/**
 * Currencies whose minor unit is not a hundredth (ISO 4217, list one, column "minor unit"). Intl follows CLDR
 * instead, which states the usual decimals: none for HUF or PKR, so 12345 would read as a hundred times too
 * much.
 */
const MINOR_UNIT_DIGITS = new Map<string, number>([
  ...'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'
    .split(' ')
    .map((code) => [code, 0] as const),
  ...'BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3] as const),
  ['CLF', 4],
  ['UYW', 4],
]);

/** Creating a formatter costs more than the rest of a job. */
const formats = new Map<string, Intl.NumberFormat>();

/** Whether this is an ISO 4217 code, in capitals. */
export function isCurrency(code: string): boolean {
  return CURRENCIES.has(code);
}

/** `{amount: 123450, currency: 'EUR'}` as `€1,234.50` in English. */
export function formatMoney(
  { amount, currency }: { amount: number; currency: string },
  locale: string,
): string {
  const digits = MINOR_UNIT_DIGITS.get(currency) ?? 2;
  const key = `${locale} ${currency}`;
  const format =
    formats.get(key) ??
    new Intl.NumberFormat(locale, {
      style: 'currency',
      currency,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
  formats.set(key, format);
  // A string, since a division would round amounts near 2^53. format() accepts this notation.
  return format.format(`${amount}e-${digits}` as Intl.StringNumericLiteral);
}
