import type { Client } from './client.js';
import { placeOf } from './cursor.js';
import { Failure, UNEXPECTED_RESPONSE } from './failure.js';
import type { Change, Counts, Page, Selection } from './store.js';

/** Requests a page. @throws {Failure} also if the response is not one. */
export async function requestPage(client: Client, query: string, signal?: AbortSignal): Promise<Page> {
  const page = await client.json<Page>('notifications?limit=' + query, { signal });
  if (Array.isArray(page?.items) && placeOf(page.cursor)) return page;
  throw new Failure(UNEXPECTED_RESPONSE);
}

/** Requests a change. Resolves with the counts after it. */
export function requestChange(client: Client, change: Change, selection: Selection): Promise<Counts> {
  return change === 'remove'
    ? client.json(`notifications/${encodeURIComponent(selection.ids![0]!)}`, { method: 'DELETE' })
    : client.json(`notifications/${change}`, { method: 'POST', body: selection });
}
