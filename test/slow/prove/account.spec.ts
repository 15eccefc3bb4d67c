import { beforeEach, describe, expect, it } from '@jest/globals';
import { SseParser } from '../../support/sse-parser.js';
import { Account } from './account.js';
import { check } from './checker.js';
import { Ledger, type Notification } from './ledger.js';
import type { LoggedFeed } from './log-view.js';

/** The proof must be able to fail: each thing that may go wrong is put before it. */
describe('the account of a client', () => {
  let ledger: Ledger;
  let account: Account;
  let sent: Notification[];

  beforeEach(() => {
    ledger = new Ledger();
    account = new Account('ada#1', 'ada', ledger, () => false, 7);
    sent = [0, 1, 2, 3].map(() => ledger.open('s', ['ada'], 'sent'));
    for (const one of sent) ledger.accepted(one, 'accepted');
  });

  const receive = (text: string): void => {
    for (const frame of new SseParser().push(text)) account.frame(frame);
  };
  const ready = (cursor: string, id = cursor): string =>
    `event: feed.ready\nid: ${id}\ndata: ${JSON.stringify({ type: 'feed.ready', cursor, head: cursor })}\n\n`;
  const reset = (reason: string, oldest: string): string =>
    `event: feed.reset\nid: ${oldest}\ndata: ${JSON.stringify({ type: 'feed.reset', reason, oldest, head: 'e-9' })}\n\n`;
  const entry = (cursor: string, task: number | string): string =>
    `event: task-completed\nid: ${cursor}\ndata: ${JSON.stringify({ cursor, data: { taskId: String(task) } })}\n\n`;
  const connected = (text: string): void => {
    account.connecting('api-1');
    receive(text);
  };
  const wrongs = (): string[] => account.violations.map(({ wrong }) => wrong);
  const feed = (notifications: readonly number[], more: Partial<LoggedFeed> = {}): LoggedFeed => ({
    epoch: 'e',
    head: notifications.length,
    floor: 0,
    entries: new Map(
      notifications.map((notification, at) => [
        at + 1,
        { seq: at + 1, notification, shown: true, createdAt: new Date() },
      ]),
    ),
    ...more,
  });
  const verdict = (log: LoggedFeed): string[] =>
    check({
      notifications: ledger.of('s'),
      accounts: [account],
      log: new Map([['ada', log]]),
    }).violations.map(({ wrong }) => wrong);

  it('accepts a client that received everything over two connections', () => {
    connected(ready('e-0') + entry('e-1', 0) + entry('e-2', 1));
    connected(ready('e-2') + entry('e-3', 2) + entry('e-4', 3));
    expect(verdict(feed([0, 1, 2, 3]))).toEqual([]);
    expect(ledger.outstanding('s')).toBe(0);
  });

  it('detects an entry that is left out, repeated or out of order', () => {
    connected(ready('e-0') + entry('e-1', 0) + entry('e-3', 2));
    expect(wrongs()).toEqual(['lost']);
    receive(entry('e-2', 1));
    expect(wrongs()).toEqual(['lost', 'out of order']);
    connected(ready('e-2') + entry('e-3', 2));
    expect(wrongs()).toEqual(['lost', 'out of order', 'twice']);
  });

  it('detects an entry of another recipient, and one that nobody sent', () => {
    const other = ledger.open('s', ['grace'], 'sent');
    connected(ready('e-0') + entry('e-1', other.index) + entry('e-2', 'never'));
    expect(wrongs()).toEqual(['foreign', 'foreign']);
  });

  it('detects a jump that no feed.reset explains, also when it was cut off', () => {
    connected(ready('e-0') + entry('e-1', 0));
    connected(ready('e-3'));
    connected(ready('e-3') + entry('e-4', 3));
    expect(wrongs()).toEqual(['lost']);
  });

  it('starts again after a feed.reset, and detects one without a cause or with a false reason', () => {
    connected(ready('e-0') + entry('e-1', 0));
    connected(ready('e-2', 'e-1') + reset('expired', 'e-2') + entry('e-3', 2));
    expect(wrongs()).toEqual([]);
    receive(reset('expired', 'e-1'));
    receive(reset('epoch', 'e-1'));
    receive(reset('expired', 'e-3'));
    expect(account.violations.map(({ what }) => what)).toEqual([
      expect.stringMatching(/not true of a client at e-3/),
      expect.stringMatching(/nothing called for it/),
      expect.stringMatching(/not true of a client at e-1/),
      expect.stringMatching(/nothing called for it/),
    ]);
  });

  it('detects what was accepted and is missing in the log, is there twice, or is there for nobody', () => {
    connected(ready('e-0') + entry('e-1', 0));
    expect(verdict(feed([0], { head: 1 }))).toEqual(['lost', 'lost', 'lost']);
    sent.slice(1).forEach((one) => one.excuses.set('ada', 'lost by somebody else'));
    expect(verdict(feed([0]))).toEqual([]);
    expect(verdict(feed([0, 0]))).toEqual(['twice', 'lost']);
    const other = ledger.open('s', ['grace'], 'sent');
    expect(verdict(feed([0, other.index]))).toEqual(['foreign', 'lost']);
  });

  it('detects what was rolled back and is in the log all the same', () => {
    ledger.rolledBack(sent[3]!);
    connected(ready('e-0') + entry('e-1', 0) + entry('e-2', 1) + entry('e-3', 2));
    expect(verdict(feed([0, 1, 2]))).toEqual([]);
    receive(entry('e-4', 3));
    expect(verdict(feed([0, 1, 2, 3]))).toEqual(['foreign']);
  });

  it('detects a frame that is not in the log, and a client that did not reach the end', () => {
    connected(ready('e-0') + entry('e-1', 0) + entry('e-2', 1));
    sent.slice(2).forEach((one) => one.excuses.set('ada', 'lost by somebody else'));
    expect(verdict(feed([1, 0]))).toEqual(['other', 'other']);
    expect(verdict(feed([0], { head: 1 }))).toEqual(['lost', 'lost', 'other']);
    expect(verdict(feed([0, 1], { epoch: 'f' }))).toEqual(['lost']);
  });

  it('counts what was trimmed unseen, and not one more', () => {
    connected(ready('e-3') + entry('e-4', 3));
    const trimmed = (floor: number): LoggedFeed => ({
      ...feed([3]),
      floor,
      head: 4,
      entries: feed([0, 1, 2, 3]).entries,
    });
    expect(verdict(trimmed(3))).toEqual([]);
    ledger.accepted(ledger.open('s', ['ada'], 'sent'), 'accepted');
    expect(verdict(trimmed(3))).toEqual(['lost']);
  });
});
