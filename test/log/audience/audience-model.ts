/** An entry of an audience's log; without a title it is a recall of the entry at `recalls`. */
interface Announced {
  readonly title: string | null;
  readonly key: string | null;
  readonly collapse: string | null;
  readonly recalls: number | null;
  readonly count: number;
  /** Recalled, or replaced by a newer one. */
  hidden: boolean;
}

/** A notification in a feed, as its recipient should see it. */
export interface ModelItem {
  readonly title: string;
  readonly audience: string;
  /** Its index in the audience. */
  readonly index: number;
  readonly collapse: string | null;
  readonly count: number;
  read: boolean;
  hidden: boolean;
}

interface ModelFeed {
  readonly taken: Map<string, number>;
  readonly items: ModelItem[];
}

/** Audiences and feeds as lists, by the rules of docs/audiences.md. */
export class AudienceModel {
  private readonly audiences = new Map<string, Announced[]>();
  private readonly feeds = new Map<string, ModelFeed>();

  announce(audience: string, title: string, key: string | null, collapse: string | null): boolean {
    const log = this.log(audience);
    if (key !== null && log.some((each) => each.key === key)) return false;
    const replaced = collapse === null ? undefined : this.newest(log, collapse);
    if (replaced) replaced.hidden = true;
    const count = (replaced?.count ?? 0) + 1;
    log.push({ title, key, collapse, recalls: null, count, hidden: false });
    return true;
  }

  recall(audience: string, key: string): 'recalled' | 'gone' | 'unknown' {
    const log = this.log(audience);
    const index = log.findIndex((each) => each.key === key);
    if (index < 0) return 'unknown';
    if (log[index]!.hidden) return 'gone';
    log[index]!.hidden = true;
    log.push({ title: null, key: null, collapse: null, recalls: index, count: 1, hidden: false });
    return 'recalled';
  }

  /** What is new is taken. Audiences of this model do not share collapse keys, so their order does not matter. */
  look(recipient: string, audiences: readonly string[]): void {
    const { taken, items } = this.feed(recipient);
    for (const audience of audiences) {
      const log = this.log(audience);
      // At first sight, what is there is passed over.
      const since = taken.get(audience) ?? log.length;
      taken.set(audience, log.length);
      for (let index = since; index < log.length; index += 1) {
        const entry = log[index]!;
        if (entry.recalls !== null) {
          const item = items.find((each) => each.audience === audience && each.index === entry.recalls);
          if (item) item.hidden = true;
          continue;
        }
        if (entry.hidden) continue;
        const { title, collapse } = entry;
        const same = (each: { collapse: string | null }): boolean =>
          collapse !== null && each.collapse === collapse;
        const pending = log.slice(since, index + 1).filter(same).length;
        const old = items.findLast((each) => same(each) && !each.hidden && !each.read);
        if (old) old.hidden = true;
        const count = (collapse === null ? 1 : Math.min(entry.count, pending)) + (old?.count ?? 0);
        items.push({ title: title!, audience, index, collapse, count, read: false, hidden: false });
      }
    }
  }

  /** What the recipient sees. */
  shown(recipient: string): readonly ModelItem[] {
    return this.feed(recipient).items.filter(({ hidden }) => !hidden);
  }

  erase(recipient: string): void {
    this.feeds.delete(recipient);
  }

  private newest(log: readonly Announced[], collapse: string): Announced | undefined {
    return log.findLast((each) => each.collapse === collapse && !each.hidden);
  }

  private log(audience: string): Announced[] {
    const log = this.audiences.get(audience) ?? [];
    this.audiences.set(audience, log);
    return log;
  }

  private feed(recipient: string): ModelFeed {
    const feed = this.feeds.get(recipient) ?? { taken: new Map<string, number>(), items: [] };
    this.feeds.set(recipient, feed);
    return feed;
  }
}
