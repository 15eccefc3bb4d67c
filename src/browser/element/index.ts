import { TidingsBell } from './bell.js';
import type { SelectDetail, ToggleDetail } from './types.js';

// A page that needs the client as well loads one script.
export { createFeed } from '../client/index.js';
export { TidingsBell };
export type { IconName } from './icons.js';
export type { BellStrings } from './strings.js';
export type { BellFeed, BellSnapshot, Presentation, SelectDetail, ToggleDetail, Tone } from './types.js';

// A server has no custom elements. A page that loads the script twice keeps the first definition.
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
