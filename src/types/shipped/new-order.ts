import { z } from 'zod';
import { defineNotification } from '../../contract/model/notification-type.js';
import { object, text, wholeNumber } from './fields.js';
import { formatMoney, isCurrency } from './money.js';

/** Additional members (a SKU, a price) are kept. */
const item = z.looseObject({ name: text.optional(), quantity: wholeNumber(1).optional() });

/** The number of items, or a list of names or of `{name?, quantity?, ...}`; the quantity is 1 by default. */
const items = z.union([wholeNumber(1), z.array(z.union([text, item])).min(1, 'must not be empty')], {
  error: ({ input }) =>
    input === undefined
      ? 'is missing'
      : 'must be a whole number from 1, or a list of names or of {name?, quantity?, ...}',
});

/**
 * A new order: `{orderId, customer, items, total: {amount, currency}}`. `items` is their number or a
 * non-empty list of names or of objects with an optional `quantity`; `amount` is in the currency's minor unit
 * (cents), and `currency` is an ISO 4217 code. There is no link, because the data names no page of the order.
 */
export const newOrder = defineNotification('new-order', {
  version: 1,
  label: 'New orders',
  description: 'Somebody has placed an order.',
  category: 'orders',
  schema: object({
    orderId: text,
    customer: text,
    items,
    total: object({
      amount: wholeNumber(0),
      currency: text.refine(isCurrency, {
        error: ({ input }) =>
          `must be an ISO 4217 code in capitals such as "EUR", is ${JSON.stringify(input)}`,
      }),
    }),
  }),
  render: ({ orderId, customer, items, total }, { locale }) => {
    const count = typeof items === 'number' ? items : items.reduce((sum, item) => sum + quantityOf(item), 0);
    const counted = `${count.toLocaleString(locale)} ${count === 1 ? 'item' : 'items'}`;
    return { title: `New order ${orderId}`, body: `${customer}: ${counted}, ${formatMoney(total, locale)}` };
  },
});

function quantityOf(item: string | { quantity?: number | undefined }): number {
  return typeof item === 'string' ? 1 : (item.quantity ?? 1);
}
