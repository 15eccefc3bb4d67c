import type { NotificationItem } from '../../contract/model/entry.js';
import type { StateEntry } from '../../contract/model/state-entry.js';
import { placeOf, seqOf } from './cursor.js';
import type { Emitter } from './emitter.js';
import { jsonOf } from './parser.js';
import { NO_PAGE, createStore, type Counts, type Page, type Store } from './store.js';
import type { Message, RelayedFrame } from './messages.js';
import type { RawFrame } from './types.js';

/** The latest frames, kept for tabs that join late or take over. */
const MAX_RECENT_FRAMES = 100;

/** Applies entries to the store and delivers them to listeners: each once, in order, whether this tab leads or follows. */
export interface Receiver {
  /** Replaced by each `begin`. */
  readonly store: Store;
  /** Oldest first. */
  readonly recent: readonly RelayedFrame[];
  /** Begins with the first page. Delivers notifications that have arrived since the last one, unless it is the first of this feed. */
  readonly begin: (page: Page) => void;
  /** Takes a frame of the connection. */
  readonly take: (frame: RawFrame) => void;
  /** Takes a frame from the leading tab. @returns `false` if an earlier one is missing. */
  readonly takeRelayed: (relayed: RelayedFrame) => boolean;
}

/**
 * @param relay relays a message to the other tabs, if this one leads.
 * @param restart loads the first page again; `reset` is the frame that says why.
 */
export function createReceiver(
  emit: Emitter['emit'],
  changed: () => void,
  relay: (message: Message) => void,
  restart: (reset?: RawFrame) => void,
): Receiver {
  let store = createStore(NO_PAGE);
  const recent: RelayedFrame[] = [];
  /** The last notification that was delivered. */
  let deliveredSeq = 0;

  function begin(page: Page): void {
    const { epoch } = store;
    store = createStore(page);
    recent.length = 0;
    if (epoch !== store.epoch) deliveredSeq = store.seq;
    changed();
    [...page.items].reverse().forEach(deliver);
  }

  function take(frame: RawFrame): void {
    emit('feed.frame', frame);
    const { event, id } = frame;
    if (event === 'feed.reset') {
      relay({ kind: 'reset', frame });
      return restart(frame);
    }
    const place = placeOf(id);
    // A `feed.ready` of another feed is followed by a reset.
    if (place?.epoch !== store.epoch) return;
    const ready = event === 'feed.ready' && jsonOf<Counts & { head: string }>(frame.data);
    if (ready) store.setCounts({ ...ready, cursor: ready.head });
    const relayed = { before: store.seq, after: place.seq, frame };
    if (relayed.after > relayed.before) {
      relay({ kind: 'frame', relayed });
      apply(relayed);
    }
    changed();
  }

  function takeRelayed(relayed: RelayedFrame): boolean {
    if (relayed.after <= store.seq || placeOf(relayed.frame.id)?.epoch !== store.epoch) return true;
    if (relayed.before > store.seq) return false;
    emit('feed.frame', relayed.frame);
    apply(relayed);
    return true;
  }

  function apply(relayed: RelayedFrame): void {
    const { id, data } = relayed.frame;
    recent.push(relayed);
    recent.splice(0, recent.length - MAX_RECENT_FRAMES);
    store.cursor = id;
    const entry = jsonOf<NotificationItem | StateEntry>(data);
    if (!entry) return;
    changed();
    if ('id' in entry) {
      store.addItem(entry);
      return deliver(entry);
    }
    if (!store.addState(entry)) restart();
    emit(entry.type, entry);
  }

  function deliver(item: NotificationItem): void {
    const seq = seqOf(item.cursor);
    if (seq <= deliveredSeq) return;
    deliveredSeq = seq;
    emit(item.type, item);
    emit('message', item);
  }

  return {
    get store() {
      return store;
    },
    recent,
    begin,
    take,
    takeRelayed,
  };
}
