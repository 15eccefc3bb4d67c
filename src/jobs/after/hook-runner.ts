import type { AsyncResource } from 'node:async_hooks';
import { Logger } from '@nestjs/common';
import { isAudience } from '../../contract/model/audience.js';
import type { NotificationItem } from '../../contract/model/entry.js';
import type { ActedNotification, Hooks, ReadNotifications } from '../../contract/model/hooks.js';
import type { AppendResult } from '../../contract/ports/append.js';
import type { Announcement, Announcer } from '../../contract/ports/live.js';
import type { FeedReader } from '../../contract/ports/read.js';
import { CANARY } from '../../types/canary.js';
import { notificationAt } from './notification-lookup.js';
import { describeError } from '../../platform/logging/describe-error.js';

/** Calls the application's hooks after the commit, without delaying the append. */
export class HookRunner {
  private readonly logger = new Logger('Hooks');

  constructor(
    private readonly hooks: Hooks,
    private readonly reader: FeedReader,
  ) {}

  /** Called with each committed batch. @param calls The call that each result is of: its hook runs in that context. Default: this call. */
  appended(results: readonly AppendResult[], calls: readonly AsyncResource[] = []): void {
    const { onAppended } = this.hooks;
    if (!onAppended) return;
    for (const [index, result] of results.entries()) {
      // The entries of an audience are reported when they are taken into a feed.
      if (result.outcome !== 'appended' || isAudience(result.feed)) continue;
      const hook = async (): Promise<void> => {
        // An entry that expires has no final JSON at this point.
        const delivered = result.entry?.json
          ? { feed: result.feed, notification: JSON.parse(result.entry.json) as NotificationItem }
          : await notificationAt(this.reader, result);
        if (delivered && delivered.notification.type !== CANARY.name) await onAppended(delivered);
      };
      const call = (): void => this.call('onAppended', hook);
      if (calls[index]) calls[index].runInAsyncScope(call);
      else call();
    }
  }

  /** Called with each chosen action, after the commit. */
  acted(acted: ActedNotification): void {
    const { onAction } = this.hooks;
    if (onAction) this.call('onAction', () => onAction(acted));
  }

  /** Wraps an announcer to observe changes of state: each effective change is announced once. */
  listeningTo(announcer: Announcer): Announcer {
    const { onRead } = this.hooks;
    if (!onRead) return announcer;
    return {
      announce: (announcements: readonly Announcement[]): void => {
        announcer.announce(announcements);
        for (const { feed, entry } of announcements) {
          const json = entry?.type === 'feed.read' ? entry.json : null;
          if (json === null) continue;
          this.call('onRead', () =>
            onRead({ feed, change: JSON.parse(json) as ReadNotifications['change'] }),
          );
        }
      },
    };
  }

  private call(name: string, hook: () => void | Promise<void>): void {
    Promise.resolve()
      .then(hook)
      .catch((error: unknown) => this.logger.error(`${name} failed: ${describeError(error)}`));
  }
}
