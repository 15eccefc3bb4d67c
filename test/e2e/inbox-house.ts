import { z } from 'zod';
import { defineNotification } from '../../src/contract/model/notification-type.js';
import type { TidingsOptions } from '../../src/contract/options/options.js';
import { SHIPPED_TYPES } from '../../src/types/shipped/index.js';
import { API_KEY, task, token, type Instance } from '../guarantees/house.js';
import type { SseClient, SseFrame } from '../support/sse-client.js';

export const SUPPORT_KEY = 'a-key-of-the-support-1';
export const ADMIN_KEY = 'a-key-of-the-admins-1';

/** Nobody may mute it. */
export const securityAlert = defineNotification('security-alert', {
  version: 1,
  schema: z.object({ from: z.string() }),
  render: ({ from }) => ({ title: `New sign-in from ${from}` }),
  mandatory: true,
});

/** What the instances of these tests are started with: impatient where a person would wait. */
export const OPTIONS: Partial<TidingsOptions> = {
  types: [...SHIPPED_TYPES, securityAlert],
  retention: { sweepMs: 400 },
  http: { supportApiKeys: [SUPPORT_KEY], adminApiKeys: [ADMIN_KEY] },
};

export interface Item {
  readonly id: string;
  readonly type: string;
  readonly cursor: string;
  readonly title: string;
  readonly readAt: string | null;
  readonly count: number;
  readonly replaces: readonly string[];
}

export interface Counts {
  readonly unread: number;
  readonly unseen: number;
  readonly cursor: string;
}

export interface Page extends Counts {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** A request, with what came back. */
export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly body: T;
}

async function request<T>(url: string, init: RequestInit, body?: unknown): Promise<Answer<T>> {
  const headers = { ...init.headers, ...(body !== undefined && { 'content-type': 'application/json' }) };
  const response = await fetch(url, { ...init, headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as T };
}

/** Somebody with an API key. */
export function withKey<T = Record<string, unknown>>(
  { origin }: Instance,
  key: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer<T>> {
  return request(`${origin}/v1/${path}`, { method, headers: { 'x-api-key': key } }, body);
}

/** A signed-in recipient, who uses whichever instance. */
export class Person {
  constructor(readonly name: string) {}

  async ask<T = Counts>(
    { origin }: Instance,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Answer<T>> {
    const headers = { authorization: `Bearer ${await token(this.name)}` };
    return request(`${origin}/v1/${path}`, { method, headers }, body);
  }

  /** A change that must succeed. */
  async does(at: Instance, change: string, selection: object): Promise<Counts> {
    const { status, body } = await this.ask(at, 'POST', `notifications/${change}`, selection);
    if (status !== 200) throw new Error(`${change} was answered ${status}: ${JSON.stringify(body)}`);
    return body;
  }

  async page(at: Instance, query = ''): Promise<Page> {
    return (await this.ask<Page>(at, 'GET', `notifications${query}`)).body;
  }

  /** Publishes tasks to this recipient and waits until they are in the feed; resolves with the page then. */
  async gets(at: Instance, ...titles: string[]): Promise<Page> {
    const before = (await this.page(at)).cursor;
    const stream = await at.stream(this.name, { after: before });
    for (const title of titles) {
      await withKey(at, API_KEY, 'POST', 'notifications', {
        type: 'task-completed',
        to: this.name,
        data: task(title),
      });
      // One by one: between jobs no order is promised.
      await stream.waitFor(({ data }) => data?.includes(`"taskId":"${title}"`) ?? false, {
        timeoutMs: 15_000,
      });
    }
    await stream.close();
    return this.page(at);
  }
}

/** The first frame of such a type, as soon as it comes. */
export async function frameOf(
  client: SseClient,
  type: string,
  where: object = {},
): Promise<Record<string, unknown>> {
  const fits = ({ event, data }: SseFrame): boolean => {
    if (event !== type || data === null) return false;
    const json = JSON.parse(data) as Record<string, unknown>;
    return Object.entries(where).every(
      ([name, value]) => JSON.stringify(json[name]) === JSON.stringify(value),
    );
  };
  const frame = await client.waitFor(fits, { timeoutMs: 15_000 });
  return JSON.parse(frame.data!) as Record<string, unknown>;
}
