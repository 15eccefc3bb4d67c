import type { ResetReason } from '../../../src/contract/ports/stream.js';
import { eventually } from '../../support/eventually.js';
import { Account } from './account.js';
import { Client, type Doors } from './client.js';
import type { Ledger } from './ledger.js';
import type { Random } from './random.js';
import { PATIENCE_MS } from './timeline.js';
import type { World } from './world.js';

/** How a client differs from the usual one. */
export interface ClientOptions {
  /** Its first Last-Event-ID. */
  readonly cursor?: string;
  readonly from?: 'oldest' | 'now';
  readonly direct?: boolean;
  readonly breakOffs?: number;
}

/** The clients of a scenario: several for each recipient. */
export class Fleet {
  readonly clients: Client[] = [];
  private readonly byRecipient = new Map<string, Client[]>();
  private readonly allowed = new Map<string, Set<ResetReason>>();
  private readonly tokens = new Map<string, string>();
  private readonly doors: Doors;

  constructor(
    private readonly world: World,
    private readonly ledger: Ledger,
    private readonly random: Random,
    readonly recipients: readonly string[],
    /** Everybody of the scenario is in the audience of its name. */
    readonly scenario: string,
  ) {
    this.doors = {
      proxied: world.apis.map(({ door }) => door.port),
      direct: world.apis.map(({ port }) => port),
    };
  }

  /** Opens so many clients for each recipient; resolves when all have begun. */
  async open(each: number): Promise<void> {
    for (const recipient of this.recipients) {
      // One at least has everything from the beginning.
      for (let nth = 0; nth < each; nth++) {
        await this.add(recipient, { from: nth === 0 || this.random.chance(0.6) ? 'oldest' : 'now' });
      }
    }
    await eventually(() => this.clients.every(({ ready }) => ready), { timeoutMs: PATIENCE_MS, everyMs: 50 });
  }

  async add(recipient: string, options: ClientOptions = {}): Promise<Client> {
    const token = this.tokens.get(recipient) ?? (await this.world.token(recipient, this.scenario));
    this.tokens.set(recipient, token);
    const own = this.byRecipient.get(recipient) ?? [];
    const { cursor, from = 'oldest', direct = false, breakOffs = 0 } = options;
    const name = `${recipient}#${own.length + 1}`;
    const account = new Account(
      name,
      recipient,
      this.ledger,
      (reason) => this.mayReset(recipient, reason),
      this.world.keep,
      cursor,
    );
    const client = new Client(account, token, this.doors, this.random.fork(name), from);
    client.direct = direct;
    client.breakOffs = breakOffs;
    this.byRecipient.set(recipient, [...own, client]);
    this.clients.push(client);
    client.open();
    return client;
  }

  of(recipient: string): readonly Client[] {
    return this.byRecipient.get(recipient) ?? [];
  }

  /** The clients that may be disturbed: the first of each recipient is left to witness. */
  get disturbable(): Client[] {
    return this.recipients.flatMap((recipient) => this.of(recipient).slice(1)).filter(({ idle }) => !idle);
  }

  /** From now on these recipients' clients may be told to begin again. */
  allowResets(reasons: readonly ResetReason[], recipients: readonly string[] = this.recipients): void {
    for (const recipient of recipients) {
      const own = this.allowed.get(recipient) ?? new Set();
      for (const reason of reasons) own.add(reason);
      this.allowed.set(recipient, own);
    }
  }

  get delivered(): number {
    return this.clients.reduce((sum, { account }) => sum + account.delivered, 0);
  }

  get connected(): number {
    return this.clients.filter(({ ready }) => ready).length;
  }

  /** Brings back whoever was away or stalled. */
  wake(): void {
    for (const client of this.clients) {
      client.resume();
      client.open();
    }
  }

  close(): void {
    for (const client of this.clients) client.leave();
  }

  private mayReset(recipient: string, reason: ResetReason): boolean {
    return this.allowed.get(recipient)?.has(reason) ?? false;
  }
}
