import { TidingsBell } from './bell.js';
import type { SelectDetail, ToggleDetail } from './types.js';

// With the element comes the client that it is made of, so that a page needs one script.
export { createFeed } from '../client/index.js';
export { TidingsBell };
export type { IconName } from './icons.js';
export type { BellStrings } from './strings.js';
export type { BellFeed, BellSnapshot, Presentation, SelectDetail, ToggleDetail, Tone } from './types.js';

// On a server there is nothing to define; a page that loads the script twice keeps the first.
if (typeof customElements !== 'undefined' && !customElements.get('tidings-bell')) {
  customElements.define('tidings-bell', TidingsBell);
}

declare global {
  interface HTMLElementTagNameMap {
    'tidings-bell': TidingsBell;
  }
  interface HTMLElementEventMap {
    'tidings-select': CustomEvent<SelectDetail>;
    'tidings-toggle': CustomEvent<ToggleDetail>;
  }
}
