import { z } from 'zod';
import { defineNotification } from '../../contract/model/notification-type.js';
import { object, text, wholeNumber } from './fields.js';
import { formatMoney, isCurrency } from './money.js';

/** A shop's own members (a SKU, a price) are kept as they are. */
const item = z.looseObject({ name: text.optional(), quantity: wholeNumber(1).optional() });

/** How many there are, or which: names, or `{name?, quantity?, ...}` with the quantity 1 if not given. */
const items = z.union([wholeNumber(1), z.array(z.union([text, item])).min(1, 'must not be empty')], {
  error: ({ input }) =>
    input === undefined
      ? 'is missing'
      : 'must be a whole number from 1, or a list of names or of {name?, quantity?, ...}',
});

/**
 * An order came in: `{orderId, customer, items, total: {amount, currency}}`. `items` is their number or a list of
 * them (not empty), each a name or an object with an optional `quantity`; `amount` is in the currency's minor unit (cents) and `currency` an ISO 4217 code. The data
 * names no page of the order, so there is no link.
 */
export const newOrder = defineNotification('new-order', {
  version: 1,
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
