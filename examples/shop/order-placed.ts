import { defineNotification } from 'tidings';
import { z } from 'zod';

export const orderPlaced = defineNotification('order-placed', {
  version: 1,
  schema: z.object({ orderId: z.number(), buyer: z.string(), article: z.string() }),
  render: ({ orderId, buyer, article }) => ({
    title: `${buyer} ordered ${article}`,
    link: `/orders/${orderId}`,
  }),
});
