import { TidingsBell } from './bell.js';
import { TidingsToasts } from './toasts.js';
import type { ActionDetail, SelectDetail, ToggleDetail } from './types.js';

// A page that needs the client as well loads one script.
export { createFeed } from '../client/index.js';
export { TidingsBell, TidingsToasts };
export type { IconName } from './icons.js';
export type { BellStrings } from './strings.js';
export type {
  ActionDetail,
  BellCounts,
  BellFeed,
  BellPreferences,
  BellPush,
  BellSnapshot,
  BellType,
  Presentation,
  SelectDetail,
  ToggleDetail,
  Tone,
} from './types.js';

// A server has no custom elements. A page that loads the script twice keeps the first definition.
if (typeof customElements !== 'undefined' && !customElements.get('tidings-bell')) {
  customElements.define('tidings-bell', TidingsBell);
  customElements.define('tidings-toasts', TidingsToasts);
}

declare global {
  interface HTMLElementTagNameMap {
    'tidings-bell': TidingsBell;
    'tidings-toasts': TidingsToasts;
  }
  interface HTMLElementEventMap {
    'tidings-select': CustomEvent<SelectDetail>;
    'tidings-action': CustomEvent<ActionDetail>;
    'tidings-toggle': CustomEvent<ToggleDetail>;
  }
}
