import { handled } from './handled.js';
import type { Receiver } from './receiver.js';
import type { Change, Counts, Selection } from './store.js';

/** The methods of a feed that change notifications: at once here, then on the server. A change that the server rejects is undone. */
export function createChanges(
  receiver: Receiver,
  request: (change: Change, selection: Selection) => Promise<Partial<Counts>>,
  changed: () => void,
  fail: (error: unknown) => never,
) {
  async function send(change: Change, selection: Selection): Promise<void> {
    if (selection.ids?.length === 0 || selection.upTo === '') return;
    const { store } = receiver;
    const pending = store.propose(change, selection);
    changed();
    try {
      store.confirm(pending, await request(change, selection));
    } catch (error) {
      store.rollBack(pending);
      changed();
      fail(error);
    }
    changed();
  }

  const upToCursor = (change: Change) => () => handled(send(change, { upTo: receiver.store.cursor }));
  const byIds =
    (change: Change) =>
    (...ids: string[]) =>
      handled(send(change, { ids }));
  return {
    markSeen: upToCursor('seen'),
    markAllRead: upToCursor('read'),
    markRead: byIds('read'),
    markUnread: byIds('unread'),
    archive: byIds('archive'),
    unarchive: byIds('unarchive'),
    remove: (id: string) => handled(send('remove', { ids: [id] })),
    snooze: (ids: readonly string[], until: Date | string) =>
      handled(send('snooze', { ids, until: until instanceof Date ? until.toJSON() : until })),
    act: (id: string, action: string) => handled(send('acted', { ids: [id], action })),
  };
}
