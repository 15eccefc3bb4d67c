import type { PushState } from '../push/types.js';
import { h, setText } from './dom.js';
import type { BellStrings } from './strings.js';
import { createSwitch, preferenceText, showSwitch } from './switch.js';
import type { BellPush } from './types.js';

const ID = 'tidings-push';

/**
 * The preference of this browser: whether it gets Web Push. Its switch shows what was asked for until the answer has come. It is hidden where
 * there is no Web Push.
 */
export class PushPreference {
  readonly element: HTMLElement;
  private readonly control = createSwitch(ID, `${ID}-about`, () => this.flip());
  private readonly text: HTMLElement;

  /**
   * @param state `null` if it could not be loaded.
   * @param isCurrent whether it is still for the same recipient: a click that was under way must not subscribe the next one.
   * @param failed is told whether the last change has failed.
   */
  constructor(
    private readonly push: BellPush,
    private state: PushState | null,
    private readonly strings: BellStrings,
    private readonly isCurrent: () => boolean,
    private readonly failed: (failed: boolean) => void,
  ) {
    this.text = preferenceText(ID, strings.push, '');
    this.element = h(
      'section',
      { class: 'preference-group' },
      h('div', { class: 'preference', part: 'preference' }, this.text, this.control),
    );
    this.refresh();
  }

  private flip(): void {
    if (!this.isCurrent()) return;
    const before = this.state;
    // In the same turn as the click: browsers ask for the permission at a click alone.
    const answer = before === 'on' ? this.push.unsubscribe() : this.push.subscribe();
    this.failed(false);
    this.refresh(true);
    answer.then(
      (state) => this.settle(state),
      () => {
        this.settle(before);
        this.failed(true);
      },
    );
  }

  private settle(state: PushState | null): void {
    this.state = state;
    this.refresh();
  }

  private refresh(isBusy = false): void {
    const { state, strings } = this;
    this.element.hidden = state === 'unsupported';
    const isKnown = state === 'on' || state === 'off';
    showSwitch(this.control, { isOn: (state === 'on') !== isBusy, isBusy, isDisabled: !isKnown });
    const about =
      state === 'denied' ? strings.pushDenied : isKnown ? strings.pushAbout : strings.pageFailedTitle;
    setText(this.text.lastElementChild!, about);
  }
}
