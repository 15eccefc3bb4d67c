import { defineNotification } from '../contract/model/notification-type.js';
import { object, text } from './shipped/fields.js';

/**
 * What `tidings doctor` sends through a deployment: `{mark}`. Every worker knows it, whatever the host declares, and nobody else may declare it. It is no
 * news of the host's: hooks and escalations are not told of it.
 */
export const CANARY = defineNotification('tidings.canary', {
  version: 1,
  schema: object({ mark: text }),
  render: () => ({ title: 'tidings doctor was here' }),
});
