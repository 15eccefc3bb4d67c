import type { NotificationItem } from '../../contract/model/entry.js';
import { present } from './presentation.js';
import type { RowStyle } from './row-style.js';
import { ENGLISH, type BellStrings } from './strings.js';
import { Times } from './times.js';
import type { Presentation } from './types.js';

/** The page's texts and icons, and the formats of its language. */
export class Appearance {
  private texts: BellStrings = ENGLISH;
  private presenter: (item: NotificationItem) => Presentation = present;
  private current: RowStyle;

  constructor() {
    this.current = this.createStyle(undefined, false);
  }

  /** As of the last {@link refresh}. */
  get rowStyle(): RowStyle {
    return this.current;
  }

  get strings(): BellStrings {
    return this.texts;
  }

  /** Replaces some of the texts; the others stay English. */
  setStrings(strings: Partial<BellStrings>): void {
    this.texts = { ...ENGLISH, ...strings };
  }

  /** `null` from the presenter, or instead of it: the default icon. */
  setPresenter(presenter: ((item: NotificationItem) => Presentation | null) | null): void {
    this.presenter = (item) => presenter?.(item) ?? present(item);
  }

  refresh(language: string | undefined, canSnooze = false): RowStyle {
    return (this.current = this.createStyle(language, canSnooze));
  }

  private createStyle(language: string | undefined, canSnooze: boolean): RowStyle {
    return {
      canSnooze,
      strings: this.texts,
      times: new Times(language),
      present: (item) => {
        try {
          return this.presenter(item);
        } catch (error) {
          // The page's function must not keep the list from being rendered.
          reportError(error);
          return present(item);
        }
      },
    };
  }
}
