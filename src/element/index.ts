import { TidingsBell } from './bell.js';

// With the element comes the client that it is made of, so that a page needs one script.
export { createFeed } from '../client/index.js';
export { TidingsBell };
export type { IconName } from './icons.js';
export type { BellStrings } from './strings.js';
export type { BellFeed, BellSnapshot, Presentation, SelectDetail, Tone } from './types.js';

// On a server there is nothing to define; a page that loads the script twice keeps the first.
if (typeof customElements !== 'undefined' && !customElements.get('tidings-bell')) {
  customElements.define('tidings-bell', TidingsBell);
}

declare global {
  interface HTMLElementTagNameMap {
    'tidings-bell': TidingsBell;
  }
}
