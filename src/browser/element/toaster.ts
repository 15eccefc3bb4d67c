import type { NotificationAction, NotificationItem } from '../../contract/model/entry.js';
import { Announcer } from './announcer.js';
import { Appearance } from './appearance.js';
import { CatchUp } from './catch-up.js';
import { claim } from './claim.js';
import { dispatchAction, dispatchSelect } from './events.js';
import type { FeedWidget } from './feed-element.js';
import { FeedSource } from './feed-source.js';
import { Frame } from './frame.js';
import { languageOf } from './language.js';
import { presenceOf } from './presence.js';
import { Timers } from './timers.js';
import { Toast } from './toast.js';
import { ToastStack } from './toast-stack.js';
import type { BellFeed } from './types.js';

const DURATION_MS = 6_000;
const MAX_TOASTS = 3;
/** What arrives within this time is shown together, or as a summary. */
const BATCH_MS = 120;
/** After a break the next entry may still be on its way. */
const CATCH_UP_BATCH_MS = 700;
const TICK_MS = 2_000;

/** Decides which arrivals become toasts, and how long they stay. */
export class Toaster implements FeedWidget {
  readonly source: FeedSource;
  readonly appearance = new Appearance();
  private readonly stack = new ToastStack(() => this.stack.hide());
  private readonly announcer = new Announcer(this.appearance);
  private readonly timers = new Timers();
  private readonly catchUp = new CatchUp();
  private readonly frame: Frame;
  private batch: NotificationItem[] = [];
  private present: BellFeed | null = null;

  constructor(private readonly host: HTMLElement) {
    this.frame = new Frame(host, () => this.render());
    this.source = new FeedSource(host, {
      replaced: () => this.replaced(),
      changed: () => {
        this.catchUp.follow(this.source.snapshot);
        this.frame.request();
      },
      arrived: (item) => this.arrived(item),
    });
  }

  get elements(): readonly Element[] {
    return [this.stack.element, this.announcer.element];
  }

  start(): void {
    this.restyle();
    this.source.connect();
    this.tick();
    document.addEventListener('visibilitychange', this.followVisibility);
    this.followVisibility();
  }

  /** Popovers are closed by a move within the page. */
  close(): void {
    this.stack.clear();
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.followVisibility);
    this.source.disconnect();
    this.follow(null);
    this.timers.stop();
    this.announcer.stop();
  }

  restyle(): void {
    if (!this.host.isConnected) return;
    this.appearance.refresh(languageOf(this.host));
    this.stack.restyle(this.appearance.strings.toasts);
    this.frame.request();
  }

  attributeChanged(name: string): void {
    if (name === 'lang') this.restyle();
    else this.source.recreate();
  }

  private get style() {
    return this.appearance.rowStyle;
  }

  private numberOf(attribute: string, fallback: number): number {
    const value = this.host.getAttribute(attribute);
    const number = value === null || value.trim() === '' ? NaN : Number(value);
    return number >= 0 ? number : fallback;
  }

  private replaced(): void {
    this.follow(this.source.active);
    this.batch = [];
    this.timers.clear('batch');
    this.catchUp.reset();
    this.announcer.stop();
    this.stack.clear();
  }

  /** The bells of this feed leave the announcements to the toasts. */
  private follow(feed: BellFeed | null): void {
    if (this.present) presenceOf(this.present).toasters--;
    this.present = feed;
    if (feed) presenceOf(feed).toasters++;
  }

  private readonly followVisibility = (): void => {
    this.stack.pause('hidden', document.visibilityState !== 'visible');
  };

  private tick(): void {
    this.catchUp.follow(this.source.snapshot);
    this.timers.set('tick', TICK_MS, () => this.tick());
  }

  private arrived(item: NotificationItem): void {
    if (document.visibilityState !== 'visible' || item.severity === 'low') return;
    // An open panel shows it, and its bell announces it.
    if (this.present && presenceOf(this.present).open.size > 0) return;
    this.catchUp.follow(this.source.snapshot);
    this.batch.push(item);
    if (this.isCatchingUp || !this.timers.has('batch'))
      this.timers.set('batch', this.isCatchingUp ? CATCH_UP_BATCH_MS : BATCH_MS, () => void this.flush());
  }

  private get isCatchingUp(): boolean {
    return this.catchUp.isUnderWay || this.source.snapshot.status.state !== 'live';
  }

  /** Shows the batch: each of them, or a summary if they are many or were caught up. */
  private async flush(): Promise<void> {
    const arrived = this.batch.map(({ id }) => this.current(id)).filter((item) => item !== undefined);
    this.batch = [];
    const unread = arrived.filter(({ readAt }) => readAt === null);
    const items = [...new Set(unread)];
    const isCurrent = this.source.guard();
    const isSummary = items.length > this.max || (items.length > 1 && this.isCatchingUp);
    if (isSummary) {
      const name = `${items[0]!.cursor.split('-')[0]} summary`;
      const body = this.isCatchingUp ? this.appearance.strings.summaryBody : items.at(-1)!.title;
      if ((await claim(name)) && isCurrent()) this.showSummary(items.length, body);
      return;
    }
    const claimed = await Promise.all(items.map(({ cursor }) => claim(cursor)));
    if (!isCurrent()) return;
    items.forEach(({ id }, index) => {
      const item = this.current(id);
      if (claimed[index] && item) this.show(item);
    });
  }

  private get max(): number {
    return Math.max(1, this.numberOf('max', MAX_TOASTS));
  }

  private current(id: string): NotificationItem | undefined {
    return this.source.snapshot.items.find((item) => item.id === id);
  }

  private show(item: NotificationItem): void {
    const toast = this.create(
      item,
      item.severity === 'high' ? 0 : this.numberOf('duration', DURATION_MS) * (item.actions ? 2 : 1),
    );
    toast.update(item, this.style);
    this.stack.add(toast, this.max);
    this.announcer.announceArrival(item.title);
  }

  private showSummary(count: number, body: string): void {
    const { strings, times } = this.style;
    const text = strings.summary(times.number(count));
    const toast = this.create(null, this.numberOf('duration', DURATION_MS));
    toast.summarize(text, body, this.style);
    // It stands for those that are shown as well.
    this.stack.clear();
    this.stack.add(toast, this.max);
    this.announcer.announce(text);
  }

  private create(item: NotificationItem | null, durationMs: number): Toast {
    return new Toast(item, durationMs || Infinity, {
      select: (toast, event) => this.select(toast, event),
      act: (toast, action, event) => this.act(toast, action, event),
      dismiss: (toast) => this.stack.remove(toast),
    });
  }

  private select(toast: Toast, event: MouseEvent): void {
    const { item } = toast;
    this.stack.remove(toast);
    if (item) {
      dispatchSelect(this.host, item, event);
      this.run((feed) => feed.markRead(item.id));
    } else if (this.present) {
      const [open] = presenceOf(this.present).openers;
      open?.();
    }
  }

  private act(toast: Toast, action: NotificationAction, event: MouseEvent): void {
    const { item } = toast;
    if (!item) return;
    if (action.link) this.stack.remove(toast);
    if (dispatchAction(this.host, item, action, event)) return;
    if (action.link) this.run((feed) => feed.markRead(item.id));
    else this.run((feed) => feed.act?.(item.id, action.id));
  }

  private run(change: (feed: BellFeed) => Promise<unknown> | undefined): void {
    const { active } = this.source;
    if (active) change(active)?.catch(() => this.announcer.announce(this.appearance.strings.actionFailed));
  }

  /** Toasts follow their notifications: what was read, archived or recalled elsewhere is gone here. */
  private render(): void {
    for (const toast of this.stack.toasts) {
      if (!toast.item) continue;
      const item = this.current(toast.item.id);
      if (item && (item.readAt === null || item.acted)) toast.update(item, this.style);
      else this.stack.remove(toast);
    }
  }
}
