import { button, h, setAttribute } from './dom.js';

/** What a switch shows. */
export interface SwitchState {
  readonly isOn: boolean;
  /** A request for it is on its way. */
  readonly isBusy?: boolean;
  readonly isDisabled: boolean;
}

/** Creates a switch that other elements name and describe. A click calls `flip`, unless the switch is disabled or busy. */
export function createSwitch(labelId: string, aboutId: string | null, flip: () => void): HTMLButtonElement {
  const control = button('switch', 'preference-switch', h('i'));
  control.setAttribute('role', 'switch');
  control.setAttribute('aria-labelledby', labelId);
  setAttribute(control, 'aria-describedby', aboutId);
  control.addEventListener('click', () => {
    if (control.ariaDisabled !== 'true' && control.ariaBusy !== 'true') flip();
  });
  return control;
}

export function showSwitch(
  control: HTMLButtonElement,
  { isOn, isBusy = false, isDisabled }: SwitchState,
): void {
  setAttribute(control, 'aria-checked', String(isOn));
  setAttribute(control, 'aria-busy', isBusy ? 'true' : null);
  setAttribute(control, 'aria-disabled', isDisabled ? 'true' : null);
}

/** The name of a preference, and what it is about: nothing of it is shown while that is empty. */
export function preferenceText(id: string, name: string, about: string): HTMLElement {
  const label = h('span', { class: 'preference-name', id, dir: 'auto' }, name);
  const text = h('p', { class: 'preference-about', id: `${id}-about`, dir: 'auto' }, about);
  return h('div', { class: 'preference-text' }, label, text);
}
