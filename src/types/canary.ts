import { defineNotification } from '../contract/model/notification-type.js';
import { object, text } from './shipped/fields.js';

/**
 * The notification that `tidings doctor` sends through a deployment: `{mark}`. Every worker knows it, and no
 * application may declare it. Hooks and escalations ignore it.
 */
export const CANARY = defineNotification('tidings.canary', {
  version: 1,
  schema: object({ mark: text }),
  render: () => ({ title: 'tidings doctor was here' }),
});
