import { defineNotification } from '../../contract/model/notification-type.js';
import { link, object, text } from './fields.js';

/** Something to tell people: `{title, body?, link?}`, shown as it is. */
export const announcement = defineNotification('announcement', {
  version: 1,
  schema: object({
    title: text,
    body: text.optional(),
    link: link.optional(),
  }),
  render: ({ title, body, link }) => ({ title, body, link }),
});
