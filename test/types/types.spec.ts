import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { InvalidJobError, UnknownTypeError } from '../../src/contract/errors.js';
import { LINK_RULE } from '../../src/contract/model/link.js';
import { SHIPPED_TYPES, TypeRegistry } from '../../src/jobs/index.js';
import { formatMoney } from '../../src/types/shipped/money.js';

const registry = new TypeRegistry(SHIPPED_TYPES);
const compose = (name: string, data: unknown) => registry.compose(name, data, { locale: 'en' });
const problems = async (name: string, data: unknown): Promise<string[]> => {
  const error: unknown = await compose(name, data).catch((reason: unknown) => reason);
  if (!(error instanceof InvalidJobError)) throw new Error(`not refused: ${String(error)}`);
  return error.fields.map(({ field, problem }) => `${field} ${problem}`);
};

describe('task-completed', () => {
  const task = { taskId: '7', title: 'Export ready', status: 'succeeded' };

  it('reads as its title and links to the result', async () => {
    expect(await compose('task-completed', { ...task, resultUrl: '/exports/7' })).toEqual({
      type: 'task-completed',
      version: 1,
      title: 'Export ready',
      body: null,
      link: '/exports/7',
      contentJson: null,
      category: 'tasks',
      dataJson: JSON.stringify({ ...task, resultUrl: '/exports/7' }),
    });
  });

  it.each([
    ['succeeded', 0, 'Finished in 0 ms'],
    ['succeeded', 850, 'Finished in 850 ms'],
    ['succeeded', 12_340, 'Finished in 12.3 sec'],
    ['failed', 90_000, 'Failed after 1.5 min'],
    ['failed', 7_200_000, 'Failed after 2 hr'],
    ['failed', undefined, 'Failed'],
  ])('describes the outcome: %s after %s ms reads "%s"', async (status, durationMs, body) => {
    expect(await compose('task-completed', { ...task, status, durationMs })).toMatchObject({ body });
  });

  it('names each wrong field', async () => {
    const data = { title: '', status: 'done', durationMs: -1, resultUrl: '//evil.example', colour: 'red' };
    expect(await problems('task-completed', data)).toEqual([
      'data.taskId is missing',
      'data.title must not be empty',
      'data.status must be one of "succeeded", "failed"',
      'data.durationMs must be at least 0, is -1',
      `data.resultUrl ${LINK_RULE}`,
      'data must not have unknown fields, has "colour"',
    ]);
  });
});

describe('new-order', () => {
  const order = { orderId: 'A-17', customer: 'Zoe', items: 3, total: { amount: 1_999, currency: 'EUR' } };

  it.each([
    ['a number', 3, '3 items'],
    ['one', 1, '1 item'],
    ['a list', [{ name: 'Cup', quantity: 2 }, { name: 'Pot' }], '3 items'],
    ['names', ['Cup', 'Pot'], '2 items'],
    ['a list with members of the shop', [{ sku: 'C-1', quantity: 2, price: 5 }], '2 items'],
    ['thousands', 1_500, '1,500 items'],
  ])('counts its items when they are %s', async (_, items, counted) => {
    expect(await compose('new-order', { ...order, items })).toMatchObject({
      title: 'New order A-17',
      body: `Zoe: ${counted}, €19.99`,
      link: null,
    });
  });

  it.each([
    ['a count of none', 0],
    ['an empty list', []],
    ['a text', '3'],
    ['an empty name', ['Cup', '']],
    ['a list of numbers', [7]],
    ['a quantity of none', [{ name: 'Cup', quantity: 0 }]],
  ])('refuses items that are %s', async (_, items) => {
    expect((await problems('new-order', { ...order, items })).join()).toMatch(/^data\.items/);
  });

  it.each([
    [{ amount: 1.5, currency: 'EUR' }, 'data.total.amount must be a whole number'],
    [{ amount: -1, currency: 'EUR' }, 'data.total.amount must be at least 0, is -1'],
    [{ amount: 2 ** 53, currency: 'EUR' }, 'data.total.amount'],
    [{ amount: '1', currency: 'EUR' }, 'data.total.amount must be a whole number'],
    [
      { amount: 1, currency: 'eur' },
      'data.total.currency must be an ISO 4217 code in capitals such as "EUR", is "eur"',
    ],
    [{ amount: 1 }, 'data.total.currency is missing'],
    [undefined, 'data.total is missing'],
  ])('refuses the total %j', async (total, problem) => {
    expect((await problems('new-order', { ...order, total })).join()).toContain(problem);
  });
});

describe('money', () => {
  it.each([
    ['EUR', 123_450, '€1,234.50'],
    ['JPY', 1_234, '¥1,234'],
    ['KWD', 1_234, 'KWD 1.234'],
    // CLDR, and so Intl, would write these without decimals: a hundred times too much.
    ['HUF', 12_345, 'HUF 123.45'],
    ['PKR', 12_345, 'PKR 123.45'],
    ['IQD', 12_345, 'IQD 12.345'],
  ])('has the decimals of ISO 4217: %s', (currency, amount, expected) => {
    expect(formatMoney({ amount, currency }, 'en').replace('\u00a0', ' ')).toBe(expected);
  });

  it('is exact for every amount', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (amount) => {
        const digits = formatMoney({ amount, currency: 'USD' }, 'en').replace(/[^0-9]/g, '');
        expect(BigInt(digits)).toBe(BigInt(amount));
      }),
    );
  });
});

describe('the registry', () => {
  it('lists the declared types when one is not', () => {
    expect(() => registry.get('nonsense')).toThrow(UnknownTypeError);
    expect(() => registry.get('nonsense')).toThrow('declared are task-completed, new-order, announcement');
    expect(() => registry.get('constructor')).toThrow(UnknownTypeError);
  });
});
