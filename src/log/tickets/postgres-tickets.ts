import { createHash, randomBytes } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { FeedKey } from '../../contract/model/feed.js';
import type { IssuedTicket, TicketHolder, Tickets } from '../../contract/ports/tickets.js';
import { Outage } from '../../platform/logging/outage.js';
import type { LogDatabase } from '../database/database.js';
import type { Statement } from '../database/statement.js';

/** Long enough for a slow page, short enough for a URL that somebody else reads. */
export const TICKET_SECONDS = 30;
/** 256 bits of chance. */
const BYTES = 32;
const FORM = /^[\w-]{43}$/;

/** Parameters: hash, tenant, recipient, audiences, the end of the credential, seconds. Result: until when it can be used, ms. */
const ISSUE: Statement = (schema) => `
  INSERT INTO ${schema}.ticket (hash, tenant, recipient, audiences, credential_ends_at, usable_until)
  VALUES ($1, $2, $3, $4::text[], $5::timestamptz,
          least($5::timestamptz, clock_timestamp() + $6::double precision * interval '1 second'))
  RETURNING floor(extract(epoch FROM usable_until) * 1000)::bigint AS until`;

/** Parameters: hash. Of two at once, the second waits for the first and finds no row. Result: the holder, if the ticket was valid. */
const REDEEM: Statement = (schema) => `
  DELETE FROM ${schema}.ticket WHERE hash = $1
  RETURNING tenant, recipient, audiences, (extract(epoch FROM credential_ends_at) * 1000)::bigint AS ends,
            usable_until > clock_timestamp() AS usable`;

/** Parameters: tenants and recipients. */
const REVOKE: Statement = (schema) => `
  DELETE FROM ${schema}.ticket t USING unnest($1::text[], $2::text[]) AS f (tenant, recipient)
   WHERE t.tenant = f.tenant AND t.recipient = f.recipient`;

interface Row extends Record<string, unknown> {
  tenant: string;
  recipient: string;
  audiences: string[];
  ends: string | null;
  usable: boolean;
}

/** Stores tickets as hashes, so that whoever reads the table opens no stream. */
export class PostgresTickets implements Tickets {
  private readonly outage = new Outage(new Logger('Tidings'), 'Revoking tickets');

  constructor(private readonly database: LogDatabase) {}

  async issue({ feed, audiences, expiresAt }: TicketHolder): Promise<IssuedTicket> {
    const ticket = randomBytes(BYTES).toString('base64url');
    const [row] = await this.database.query<{ until: string }>(ISSUE, [
      ...[hashOf(ticket), feed.tenant, feed.recipient, audiences],
      ...[expiresAt, TICKET_SECONDS],
    ]);
    return { ticket, expiresAt: new Date(Number(row!.until)) };
  }

  async redeem(ticket: string): Promise<TicketHolder | null> {
    if (!FORM.test(ticket)) return null;
    const [row] = await this.database.query<Row>(REDEEM, [hashOf(ticket)]);
    if (!row?.usable) return null;
    const { tenant, recipient, audiences, ends } = row;
    return {
      feed: { tenant, recipient },
      audiences,
      expiresAt: ends === null ? null : new Date(Number(ends)),
    };
  }

  async revoke(feeds: readonly FeedKey[]): Promise<void> {
    const values = [feeds.map(({ tenant }) => tenant), feeds.map(({ recipient }) => recipient)];
    try {
      await this.database.query(REVOKE, values);
      this.outage.end();
    } catch (error) {
      this.outage.begin(error);
    }
  }
}

function hashOf(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest();
}
