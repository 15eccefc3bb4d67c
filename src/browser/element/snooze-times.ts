/** Until when a notification can be snoozed, in the browser's time zone. */
export interface SnoozeTime {
  readonly name: 'inAnHour' | 'tomorrow' | 'nextWeek';
  readonly until: Date;
}

/** When a working day begins. */
const MORNING = 8;
const MONDAY = 1;

/** In an hour, tomorrow morning, and on the morning of the next Monday that is not tomorrow. */
export function snoozeTimes(now: Date): readonly SnoozeTime[] {
  // From parts of a date: a day has 23 or 25 hours when daylight saving time begins or ends.
  const morning = (days: number): Date =>
    new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, MORNING);
  const toMonday = ((MONDAY + 7 - now.getDay() - 1) % 7) + 1;
  return [
    { name: 'inAnHour', until: new Date(now.getTime() + 3_600_000) },
    { name: 'tomorrow', until: morning(1) },
    { name: 'nextWeek', until: morning(toMonday === 1 ? 8 : toMonday) },
  ];
}
