import type { Account, Segment, Violation } from './account.js';
import type { Notification } from './ledger.js';
import type { LoggedFeed } from './log-view.js';

/** What there is at the end. */
export interface Evidence {
  readonly notifications: readonly Notification[];
  readonly accounts: readonly Account[];
  /** Of every recipient of the scenario. */
  readonly log: ReadonlyMap<string, LoggedFeed>;
}

/** The account of every single entry. */
export interface Verdict {
  readonly accepted: number;
  readonly unknown: number;
  /** Accepted ones that somebody else than Tidings lost, by who it was. */
  readonly lostByOthers: ReadonlyMap<string, number>;
  readonly entries: number;
  readonly delivered: number;
  readonly violations: readonly Violation[];
}

/** Compares what was accepted, what the log has and what every client was sent. */
export function check({ notifications, accounts, log }: Evidence): Verdict {
  const seen = whatWasSeen(accounts);
  const violations = accounts.flatMap((account) => account.violations);
  const lostByOthers = new Map<string, number>();
  for (const [recipient, feed] of log) {
    violations.push(
      ...checkFeed(recipient, feed, notifications, seen.get(recipient) ?? NOWHERE, lostByOthers),
    );
  }
  for (const account of accounts) violations.push(...checkAccount(account, log.get(account.recipient)));
  const count = (outcome: string): number => notifications.filter((one) => one.outcome === outcome).length;
  return {
    accepted: count('accepted'),
    unknown: count('unknown') + count('pending'),
    lostByOthers,
    entries: [...log.values()].reduce((sum, feed) => sum + feed.head, 0),
    delivered: accounts.reduce((sum, account) => sum + account.delivered, 0),
    violations,
  };
}

type Places = Map<number, Set<string>>;
const NOWHERE: Places = new Map();

/** For each recipient and notification the places where clients have seen it. */
function whatWasSeen(accounts: readonly Account[]): Map<string, Places> {
  const seen = new Map<string, Places>();
  for (const { recipient, segments } of accounts) {
    const places: Places = seen.get(recipient) ?? new Map<number, Set<string>>();
    seen.set(recipient, places);
    for (const { epoch, seqs, notifications } of segments) {
      notifications.forEach((notification, at) => {
        const own = places.get(notification) ?? new Set();
        places.set(notification, own.add(`${epoch}-${seqs[at]}`));
      });
    }
  }
  return seen;
}

/** Accepted once, in the log once; and what was trimmed is as much as is missing. */
function checkFeed(
  recipient: string,
  feed: LoggedFeed,
  notifications: readonly Notification[],
  seen: Places,
  lostByOthers: Map<string, number>,
): Violation[] {
  const violations: Violation[] = [];
  const times = new Map<number, number>();
  for (let seq = feed.floor + 1; seq <= feed.head; seq++) {
    const entry = feed.entries.get(seq);
    if (entry === undefined)
      violations.push({ wrong: 'lost', what: `${recipient}: the log has no ${seq}`, recipient });
    else times.set(entry.notification, (times.get(entry.notification) ?? 0) + 1);
  }
  // Trimmed entries are known by who saw them; as many may have been seen by nobody as the numbers leave room for.
  const trimmed = new Set<number>();
  for (const [notification, places] of seen) {
    for (const place of places) {
      const [epoch, seq] = place.split('-');
      if (epoch === feed.epoch && Number(seq) <= feed.floor) trimmed.add(notification);
    }
  }
  let room = feed.floor - trimmed.size;
  for (const one of notifications) {
    if (!one.to.has(recipient)) continue;
    const inLog = (times.get(one.index) ?? 0) + (trimmed.has(one.index) ? 1 : 0);
    times.delete(one.index);
    const about = { recipient, notification: one.index };
    if (inLog > 1)
      violations.push({ wrong: 'twice', what: `${recipient}: ${inLog} entries of ${one.index}`, ...about });
    if (inLog > 0 && one.outcome === 'rolled back')
      violations.push({ wrong: 'foreign', what: `${recipient}: ${one.index} was rolled back`, ...about });
    if (inLog > 0 || one.outcome !== 'accepted') continue;
    const excuse = one.excuses.get(recipient);
    if (excuse !== undefined) lostByOthers.set(excuse, (lostByOthers.get(excuse) ?? 0) + 1);
    else if (room > 0) room -= 1;
    else
      violations.push({
        wrong: 'lost',
        what: `${recipient}: ${one.index} was accepted and is not in the log`,
        ...about,
      });
  }
  times.delete(-1);
  for (const notification of times.keys()) {
    violations.push({
      wrong: 'foreign',
      what: `${recipient}: the log has ${notification}, not for it`,
      recipient,
      notification,
    });
  }
  return violations;
}

/** The client has come to the end, and has seen what the log has. */
function checkAccount(account: Account, feed: LoggedFeed | undefined): Violation[] {
  const about = { recipient: account.recipient, client: account };
  const { segment } = account;
  if (feed === undefined) return [];
  if (segment === null) return [{ wrong: 'lost', what: `${account.name}: its stream never began`, ...about }];
  const violations: Violation[] = [];
  if (segment.epoch !== feed.epoch) {
    violations.push({
      wrong: 'lost',
      what: `${account.name}: still at ${segment.epoch}-${segment.last}, the feed is at ${feed.epoch}-${feed.head}`,
      ...about,
    });
  } else if (segment.last !== feed.head) {
    const notification = feed.entries.get(segment.last + 1)?.notification;
    violations.push({
      wrong: 'lost',
      what: `${account.name}: came to ${segment.last} of ${feed.head}`,
      notification,
      ...about,
    });
  }
  for (const own of account.segments)
    if (own.epoch === feed.epoch) violations.push(...compare(account, own, feed));
  return violations;
}

/** G1: what a client saw is in the log, at that place; and between two places nothing is that it should have seen. */
function compare(account: Account, segment: Segment, feed: LoggedFeed): Violation[] {
  const violations: Violation[] = [];
  const about = { recipient: account.recipient, client: account };
  segment.seqs.forEach((seq, at) => {
    const entry = feed.entries.get(seq);
    const notification = segment.notifications[at] ?? -1;
    if (entry === undefined ? seq > feed.head : entry.notification !== notification) {
      const instead = entry ? `the log has ${entry.notification}` : `the log ends at ${feed.head}`;
      violations.push({
        wrong: 'other',
        what: `${account.name}: saw ${notification} at ${seq}, ${instead}`,
        notification,
        ...about,
      });
    }
  });
  return violations;
}
