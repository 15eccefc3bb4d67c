import type { Client } from './client.js';
import { placeOf } from './cursor.js';
import { NOTHING } from './environment.js';
import { Failure, UNEXPECTED_RESPONSE } from './failure.js';
import { handled } from './handled.js';
import type { Change, Counts, Page, Selection } from './store.js';
import type { CategoryCounts, FeedPreferences, FeedType, PageQuery } from './types.js';

/** Requests a page. @throws {Failure} also if the response is not one. */
export async function requestPage(client: Client, query: string, signal?: AbortSignal): Promise<Page> {
  const page = await client.json<Page>('notifications?limit=' + query, { signal });
  if (Array.isArray(page?.items) && placeOf(page.cursor)) return page;
  throw new Failure(UNEXPECTED_RESPONSE);
}

/** Requests a change. Resolves with the counts after it, unless it is a chosen action. */
export function requestChange(
  client: Client,
  change: Change,
  selection: Selection,
): Promise<Partial<Counts>> {
  const { ids = [], action } = selection;
  const one = `notifications/${encodeURIComponent(ids[0]!)}`;
  if (change === 'remove') return client.json(one, { method: 'DELETE' });
  return action
    ? client.json(`${one}/actions/${encodeURIComponent(action)}`, { method: 'POST' })
    : client.json(`notifications/${change}`, { method: 'POST', body: selection });
}

/** The methods of a feed that ask the server for what is not part of the live list. */
export function createQuestions(client: () => Client, pageSize: number, fail: (error: unknown) => never) {
  const ask = <T>(path: string, method = 'GET', body?: unknown): Promise<T> =>
    handled(client().json<T>(path, { method, body }).catch(fail));

  const page = ({ limit = pageSize, ...query }: PageQuery = {}): Promise<Page> => {
    const given = Object.entries(query).filter(([, value]) => value != null);
    return handled(requestPage(client(), `${limit}&${new URLSearchParams(given as string[][])}`).catch(fail));
  };
  return {
    page,
    snoozed: (query?: PageQuery) => page({ ...query, snoozed: true }),
    unsnooze: (ids: readonly string[]) =>
      ask<Counts>('notifications/unsnooze', 'POST', { ids }).then(NOTHING),
    counts: ({ by }: { by?: 'category' } = {}) =>
      ask<CategoryCounts>(`notifications/count${by ? `?by=${by}` : ''}`),
    preferences: () => ask<FeedPreferences>('preferences'),
    setPreferences: (preferences: Partial<FeedPreferences>) =>
      ask<FeedPreferences>('preferences', 'PUT', preferences),
    types: () => ask<{ types: readonly FeedType[] }>('types').then(({ types }) => types),
  };
}
