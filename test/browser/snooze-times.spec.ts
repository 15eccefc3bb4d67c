import { describe, expect, it } from '@jest/globals';
import { snoozeTimes } from '../../src/browser/element/snooze-times.js';

/** Local times, as the time zone of this machine has them. */
const timesAt = (now: Date): string[] =>
  snoozeTimes(now).map(({ name, until }) => {
    const pad = (part: number): string => String(part).padStart(2, '0');
    const date = `${until.getFullYear()}-${pad(until.getMonth() + 1)}-${pad(until.getDate())}`;
    return `${name} ${date} ${pad(until.getHours())}:${pad(until.getMinutes())}`;
  });

describe('the times to snooze until', () => {
  it('are an hour later, tomorrow at eight, and the next Monday at eight', () => {
    // A Friday.
    expect(timesAt(new Date(2026, 10, 20, 15, 24))).toEqual([
      'inAnHour 2026-11-20 16:24',
      'tomorrow 2026-11-21 08:00',
      'nextWeek 2026-11-23 08:00',
    ]);
  });

  it('cross midnight, the end of a month and of a year', () => {
    // A Thursday.
    expect(timesAt(new Date(2026, 11, 31, 23, 30))).toEqual([
      'inAnHour 2027-01-01 00:30',
      'tomorrow 2027-01-01 08:00',
      'nextWeek 2027-01-04 08:00',
    ]);
  });

  it.each([
    ['a Sunday', 22, '2026-11-30'],
    ['a Monday', 23, '2026-11-30'],
    ['a Tuesday', 24, '2026-11-30'],
  ])('never offer the same morning twice: on %s', (_, day, monday) => {
    const times = timesAt(new Date(2026, 10, day, 9));
    expect(times[2]).toBe(`nextWeek ${monday} 08:00`);
    expect(times[1]).not.toContain(monday);
  });
});
