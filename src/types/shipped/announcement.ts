import { defineNotification } from '../../contract/model/notification-type.js';
import { link, object, text } from './fields.js';

/** An announcement: `{title, body?, link?}`, shown unchanged. */
export const announcement = defineNotification('announcement', {
  version: 1,
  schema: object({
    title: text,
    body: text.optional(),
    link: link.optional(),
  }),
  render: ({ title, body, link }) => ({ title, body, link }),
});
