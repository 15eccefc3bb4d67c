import { Logger } from '@nestjs/common';
import type { LogEntry, NotificationItem } from '../contract/model/entry.js';
import type { FeedKey } from '../contract/model/feed.js';
import type { CategoryCounts, Inbox, InboxCounts, InboxPage, PageRequest } from '../contract/ports/inbox.js';
import type { Announcement, Announcer } from '../contract/ports/live.js';
import type { FeedHead, FeedReader, FeedState, LogPage, OpenedFeed } from '../contract/ports/read.js';
import { describeError } from '../platform/logging/describe-error.js';
import { RepeatedErrors } from '../platform/logging/repeated-errors.js';
import type { TypeRegistry } from './type-registry.js';

// The members after `data`, in the order in which `item_json` writes them: finds the version without parsing
// the data.
const TAIL = /,"version":(\d+),"createdAt":"[^"]*","readAt":(?:null|"[^"]*"),[^{}]*\}$/;
const HEAD = /^\{"type":"([a-z][a-z0-9.-]*)"/;

/**
 * Upgrades entries that were written for an older version of their type, when they are read from the log.
 * New entries come from current workers and pass unchanged; those that come back from being snoozed are announced without
 * their JSON, so that they are read. Only types with an `upgrade` are checked, and only their older entries are parsed.
 */
export class EntryUpgrade {
  private readonly errors = new RepeatedErrors(new Logger('Upgrade'));

  constructor(private readonly types: TypeRegistry) {}

  /** The JSON of a notification, upgraded if it is old; unchanged, with its own version, if the upgrade fails. */
  json(type: string, json: string): string | Promise<string> {
    const definition = this.types.find(type);
    if (!definition?.upgrade) return json;
    const version = Number(TAIL.exec(json)?.[1]);
    return version < definition.version ? this.upgraded(json) : json;
  }

  /** The same for a parsed notification. */
  async item(item: NotificationItem): Promise<NotificationItem> {
    const { type, version, data } = item;
    const definition = this.types.find(type);
    if (!definition?.upgrade || version >= definition.version) return item;
    try {
      const upgraded = await this.types.validate(definition, data, version);
      return { ...item, data: upgraded, version: definition.version };
    } catch (error) {
      this.errors.report(
        new Error(`An entry of version ${version} of ${type} was not upgraded: ${describeError(error)}`),
      );
      return item;
    }
  }

  private async upgraded(json: string): Promise<string> {
    const item = JSON.parse(json) as NotificationItem;
    const upgraded = await this.item(item);
    return upgraded === item ? json : JSON.stringify(upgraded);
  }
}

/**
 * Announces entries that come back from being snoozed, which may be old: those of a type with an `upgrade` without
 * their content, so that they are read from the log.
 */
export class UpgradingAnnouncer implements Announcer {
  constructor(
    private readonly announcer: Announcer,
    private readonly types: TypeRegistry,
  ) {}

  announce(announcements: readonly Announcement[]): void {
    this.announcer.announce(
      announcements.map((each) =>
        each.entry && this.types.find(each.entry.type)?.upgrade ? { ...each, entry: null } : each,
      ),
    );
  }
}

/** Upgrades old entries in reads of the log. */
export class UpgradingFeedReader implements FeedReader {
  constructor(
    private readonly reader: FeedReader,
    private readonly upgrade: EntryUpgrade,
  ) {}

  open(feed: FeedKey, audiences?: readonly string[]): Promise<OpenedFeed> {
    return this.reader.open(feed, audiences);
  }

  find(feed: FeedKey): Promise<FeedState | null> {
    return this.reader.find(feed);
  }

  heads(feedIds: readonly string[]): Promise<FeedHead[]> {
    return this.reader.heads(feedIds);
  }

  async page(feedId: string, after: number): Promise<LogPage | null> {
    const page = await this.reader.page(feedId, after);
    if (!page) return null;
    const entries = await Promise.all(page.entries.map((entry) => this.entry(entry)));
    return { ...page, entries };
  }

  private async entry(entry: LogEntry): Promise<LogEntry> {
    if (entry.json === null) return entry;
    const json = await this.upgrade.json(entry.type, entry.json);
    return json === entry.json ? entry : { ...entry, json };
  }
}

/** Upgrades old entries in pages of the inbox. */
export class UpgradingInbox implements Inbox {
  constructor(
    private readonly inbox: Inbox,
    private readonly upgrade: EntryUpgrade,
  ) {}

  count(feed: FeedKey, audiences?: readonly string[]): Promise<InboxCounts> {
    return this.inbox.count(feed, audiences);
  }

  countByCategory(feed: FeedKey, audiences?: readonly string[]): Promise<CategoryCounts> {
    return this.inbox.countByCategory(feed, audiences);
  }

  async page(feed: FeedKey, request: PageRequest, audiences?: readonly string[]): Promise<InboxPage> {
    const page = await this.inbox.page(feed, request, audiences);
    const items = page.items.map(async (json) => this.upgrade.json(HEAD.exec(json)?.[1] ?? '', json));
    return { ...page, items: await Promise.all(items) };
  }
}
