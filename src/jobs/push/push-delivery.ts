import { Logger } from '@nestjs/common';
import { parseCursor } from '../../contract/model/cursor.js';
import type { DeliveredNotification } from '../../contract/model/hooks.js';
import { endpointProblem } from '../../contract/model/push-subscription.js';
import type { ResolvedPush } from '../../contract/options/options.js';
import type { PushTarget, PushTargets } from '../../contract/ports/push.js';
import type { Sql } from '../../contract/ports/sql.js';
import { describeError } from '../../platform/logging/describe-error.js';
import { RepeatedErrors } from '../../platform/logging/repeated-errors.js';
import { pushMessage, type Expiring, type PushMessage } from './message.js';
import { PrivateAddressError } from './public-lookup.js';
import type { PushSender } from './push-sender.js';

/** The push service does not know the browser any more. */
const GONE = [404, 410];

/** The escalation's handler: pushes a notification to the browsers of its recipient. */
export class PushDelivery {
  private readonly refusals = new RepeatedErrors(new Logger('Push'));
  private closed = false;

  constructor(
    private readonly targets: PushTargets,
    private readonly sender: PushSender,
    private readonly push: ResolvedPush,
    private readonly sql: Sql,
  ) {}

  /**
   * @param done The ids of the browsers that need no further attempt.
   * @throws if it may succeed later for some of them.
   */
  async deliver({ feed, notification }: DeliveredNotification, done: Set<string>): Promise<void> {
    const targets = (await this.targets.of(feed)).filter(({ id }) => !done.has(id));
    if (targets.length === 0) return;
    const message = pushMessage(notification, await this.expiryOf({ feed, notification }));
    const failures = await Promise.all(
      targets.map(async (target) => {
        const failure = await this.send(target, message).catch(describeError);
        if (failure === null) done.add(target.id);
        return failure ?? [];
      }),
    );
    const [first] = failures.flat();
    if (first) throw new Error(`${failures.flat().length} of ${targets.length} were not pushed: ${first}`);
  }

  close(): void {
    this.closed = true;
    this.sender.close();
  }

  /** Resolves with the problem if it may succeed later. Never names the endpoint: whoever knows it can send. */
  private async send(target: PushTarget, message: PushMessage): Promise<string | null> {
    const { host } = new URL(target.endpoint);
    // The options may have changed since it subscribed.
    const problem = endpointProblem(target.endpoint, this.push);
    if (problem) return this.refused(target, `The endpoint at ${host} ${problem}`);
    let status: number;
    try {
      status = await this.sender.send(target, message);
    } catch (error) {
      if (error instanceof PrivateAddressError) return this.refused(target, error.message);
      // This process has ended the connection, and not the push service.
      if (!this.closed) await this.targets.failed(target);
      return `${host}: ${describeError(error)}`;
    }
    if (status >= 200 && status < 300) await this.targets.delivered(target);
    else if (GONE.includes(status)) await this.targets.gone(target);
    else if (status === 429 || status >= 500) {
      await this.targets.failed(target);
      return `${host} answered ${status}`;
    } else return this.refused(target, `The push service ${host} answered ${status}`);
    return null;
  }

  /** Another attempt would not help. */
  private async refused(target: PushTarget, reason: string): Promise<null> {
    this.refusals.report(reason);
    await this.targets.failed(target);
    return null;
  }

  /** They are not on the wire. */
  private async expiryOf({ feed, notification }: DeliveredNotification): Promise<Expiring> {
    const { epoch, seq } = parseCursor(notification.cursor)!;
    const { schema } = this.sql;
    const [row] = await this.sql.query<Expiring>(
      `SELECT e.expires_at AS "expiresAt", e.collapse_key AS "collapseKey" FROM ${schema}.feed f JOIN ${schema}.entry e ON e.feed_id = f.id
        WHERE f.tenant = $1 AND f.recipient = $2 AND f.epoch = $3 AND e.seq = $4::bigint`,
      [feed.tenant, feed.recipient, epoch, seq],
    );
    return row ?? { expiresAt: null, collapseKey: null };
  }
}
