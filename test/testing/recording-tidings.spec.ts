import { beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { InvalidJobError, InvalidRequestError, QueueUnavailableError } from '../../src/contract/errors.js';
import { announcement, newOrder } from '../../src/types/shipped/index.js';
import { RecordingTidings } from '../../src/testing/index.js';
import { TidingsService } from '../../src/module/tidings.service.js';

const data = { orderId: '17', customer: 'Zoe', items: 2, total: { amount: 4200, currency: 'EUR' } };

@Injectable()
class Orders {
  constructor(private readonly tidings: TidingsService) {}

  place(to: string[], tx?: { query(text: string, values?: unknown[]): Promise<unknown> }) {
    return this.tidings.notify(newOrder, { to, data, dedupeKey: 'order-17', tx });
  }
}

describe('RecordingTidings', () => {
  const tidings = new RecordingTidings();
  let orders: Orders;

  beforeEach(async () => {
    tidings.clear();
    const testing = await Test.createTestingModule({
      providers: [Orders, { provide: TidingsService, useValue: tidings }],
    }).compile();
    orders = testing.get(Orders);
  });

  it('replaces the service, and records what was sent', async () => {
    expect(await orders.place(['ada', 'bob', 'ada'])).toMatchObject({ outcome: 'delivered' });
    expect(tidings.of(newOrder)).toEqual([
      {
        type: 'new-order',
        to: ['ada', 'bob'],
        tenant: '',
        data,
        dedupeKey: expect.stringContaining('order-17'),
        staged: false,
      },
    ]);
    expect(tidings.of(announcement)).toEqual([]);
  });

  it('records what belongs to a transaction', async () => {
    const tx = { query: () => Promise.reject(new Error('no statement is sent')) };
    expect(await orders.place(['ada'], tx)).toMatchObject({ outcome: 'staged' });
    expect(tidings.of(newOrder)).toMatchObject([{ staged: true }]);
  });

  it('rejects an undeclared type and unknown fields, as the service does', async () => {
    const told = { to: 'ada', data: { title: 'Hello' } };
    await expect(tidings.notify('announcement' as never, told as never)).rejects.toThrow(
      'notify: the first argument must be a declaration, made by defineNotification.',
    );
    await expect(tidings.notify(announcement, { ...told, dedupKey: 'a' } as never)).rejects.toThrow(
      'dedupKey is not a known field (dedupeKey?); known are to, dedupeKey, tenant,',
    );
    await expect(
      tidings.notifyMany(announcement, ['ada'], { key: 'a', data: told.data, dedupeKey: 'a' } as never),
    ).rejects.toThrow('dedupeKey is not a known field; known are key, tenant,');
    expect(tidings.notifications).toEqual([]);
  });

  it('rejects what could never be delivered, and does not record it', async () => {
    const wrong = { to: '', data: { title: 7 } } as never;
    await expect(tidings.notify(announcement, wrong)).rejects.toThrow(InvalidJobError);
    await expect(tidings.notify(announcement, { to: 'ada', data: { title: 7 } as never })).rejects.toThrow(
      InvalidJobError,
    );
    expect(tidings.notifications).toEqual([]);
  });

  it('fails on request, as in an outage of the queue', async () => {
    tidings.failure = new QueueUnavailableError('away');
    await expect(orders.place(['ada'])).rejects.toThrow(QueueUnavailableError);
    tidings.clear();
    await orders.place(['ada']);
    expect(tidings.notifications).toHaveLength(1);
  });

  it('accepts broadcasts in chunks', async () => {
    const recipients = Array.from({ length: 5 }, (_, index) => `user-${index}`);
    const seen: number[] = [];
    const result = await tidings.notifyMany(
      announcement,
      recipients,
      { data: { title: 'News' }, key: 'news-1' },
      {
        chunkSize: 2,
        onProgress: ({ recipients }) => seen.push(recipients),
      },
    );
    expect(result).toMatchObject({ recipients: 5, jobs: 3, repeated: 0 });
    expect(seen).toEqual([2, 4, 5]);
    expect(tidings.notifications.flatMap(({ to }) => to)).toEqual(recipients);
  });

  it('records cancelling, recalling and logging out as well', async () => {
    const { jobId } = await orders.place(['ada']);
    expect([await tidings.cancel(jobId), await tidings.cancel(jobId)]).toEqual(['cancelled', 'unknown']);
    const recall = { to: ['ada', 'bob'], dedupeKey: 'order-17' };
    expect(await tidings.recall(recall)).toEqual([
      { to: 'ada', outcome: 'recalled' },
      { to: 'bob', outcome: 'prevented' },
    ]);
    await expect(tidings.recall({ to: [], dedupeKey: '' })).rejects.toThrow(InvalidRequestError);
    tidings.disconnect('ada');
    expect([tidings.cancelled, tidings.recalls, tidings.disconnected]).toEqual([
      [jobId, jobId],
      [recall],
      ['ada'],
    ]);
    tidings.clear();
    expect([tidings.cancelled, tidings.recalls, tidings.disconnected]).toEqual([[], [], []]);
  });
});
