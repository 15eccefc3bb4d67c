import { z } from 'zod';
import { MAX_ACTIONS } from '../../contract/model/content.js';
import { defineNotification } from '../../contract/model/notification-type.js';
import { link, object, oneOf, text } from './fields.js';

/** Its id and label are checked as those of any renderer. */
const action = object({
  id: text,
  label: text,
  link: link.optional(),
  style: oneOf(['primary', 'danger']).optional(),
});

/** An announcement: `{title, body?, link?, image?, actions?, category?, severity?}`, shown unchanged. */
export const announcement = defineNotification('announcement', {
  version: 1,
  label: 'Announcements',
  description: 'News and messages for you, your team or everybody.',
  category: 'news',
  schema: object({
    title: text,
    body: text.optional(),
    link: link.optional(),
    image: link.optional(),
    actions: z.array(action).max(MAX_ACTIONS, `must have at most ${MAX_ACTIONS} actions`).optional(),
    category: text.optional(),
    severity: oneOf(['low', 'normal', 'high']).optional(),
  }),
  render: (data) => data,
});
