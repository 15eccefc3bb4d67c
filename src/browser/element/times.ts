const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Formats days, times and numbers in one language and the browser's time zone. */
export class Times {
  private readonly ago: Intl.RelativeTimeFormat;
  private readonly days: Intl.RelativeTimeFormat;
  private readonly clock: Intl.DateTimeFormat;
  private readonly weekday: Intl.DateTimeFormat;
  private readonly date: Intl.DateTimeFormat;
  private readonly dateAndYear: Intl.DateTimeFormat;
  private readonly exact: Intl.DateTimeFormat;
  private readonly thisWeek: Intl.DateTimeFormat;
  private readonly later: Intl.DateTimeFormat;
  private readonly numbers: Intl.NumberFormat;

  constructor(private readonly locale: string | undefined) {
    const date = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat(locale, options);
    this.ago = new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' });
    this.days = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
    this.clock = date({ hour: 'numeric', minute: '2-digit' });
    this.weekday = date({ weekday: 'long' });
    this.date = date({ day: 'numeric', month: 'long' });
    this.dateAndYear = date({ day: 'numeric', month: 'long', year: 'numeric' });
    this.exact = date({ dateStyle: 'full', timeStyle: 'short' });
    this.thisWeek = date({ weekday: 'short', hour: 'numeric', minute: '2-digit' });
    this.later = date({ day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' });
    this.numbers = new Intl.NumberFormat(locale);
  }

  number(value: number): string {
    return this.numbers.format(value);
  }

  /** The order of two texts. */
  compare(a: string, b: string): number {
    return a.localeCompare(b, this.locale);
  }

  /** `now`, `5 min. ago`, `3 hr. ago`; before today the time alone, because the group shows the day. A time in the future is `now`. */
  relative(at: Date, now: Date): string {
    const age = Math.max(0, now.getTime() - at.getTime());
    if (age < MINUTE_MS) return this.ago.format(0, 'second');
    if (age < HOUR_MS) return this.ago.format(-Math.floor(age / MINUTE_MS), 'minute');
    if (startOfDay(at) === startOfDay(now)) return this.ago.format(-Math.floor(age / HOUR_MS), 'hour');
    return this.clock.format(at);
  }

  /** `12:03` today, `Mon 08:00` within a week, else `12 Mar, 08:00`. */
  moment(at: Date, now: Date): string {
    if (Number.isNaN(at.getTime())) return '';
    const days = Math.abs(startOfDay(at) - startOfDay(now)) / DAY_MS;
    return (days < 0.5 ? this.clock : days < 7.5 ? this.thisWeek : this.later).format(at);
  }

  /** The full date and time, for the tooltip. */
  full(at: Date): string {
    return this.exact.format(at);
  }

  /** `Today`, `Yesterday`, `Friday`, `12 March`, `12 March 2025`. */
  day(start: number, now: Date): string {
    // Rounded: a day has 23 or 25 hours when daylight saving time begins or ends.
    const past = Math.round((startOfDay(now) - start) / DAY_MS);
    if (past <= 1) return capitalize(this.days.format(-Math.max(0, past), 'day'), this.locale);
    const at = new Date(start);
    if (past < 7) return capitalize(this.weekday.format(at), this.locale);
    return (at.getFullYear() === now.getFullYear() ? this.date : this.dateAndYear).format(at);
  }
}

/** The preceding midnight in the browser's time zone. */
export function startOfDay(at: Date): number {
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();
}

function capitalize(text: string, locale: string | undefined): string {
  return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
}
