import type { NotificationItem } from '../../contract/model/entry.js';
import type { BellStrings } from './strings.js';
import type { Times } from './times.js';
import type { Presentation } from './types.js';

/** Texts, formats and icons of the rows. Replaced as a whole by any change, which recreates all rows. */
export interface RowStyle {
  readonly strings: BellStrings;
  readonly times: Times;
  readonly present: (item: NotificationItem) => Presentation;
  /** Whether the feed has the method for it. */
  readonly canSnooze: boolean;
}
