import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ledger, Notification } from './ledger.js';
import type { ProofJob } from './plain-producer.js';
import type { Random } from './random.js';
import { now } from './timeline.js';
import { API_KEY } from './world.js';

/** Nobody answers any more. */
const GIVE_UP_MS = 30_000;
/** With the same key it is sent again until it is accepted, for at most so long. */
const PERSIST_MS = 90_000;

interface Answer {
  readonly status: number;
  readonly body: string;
  /** From the moment when the request had left. */
  readonly tookMs: number;
}

/** Of one notification of a request. */
interface Answered {
  readonly id?: string;
  readonly outcome?: string;
  readonly error?: { readonly status: number };
}

function bodyOf({ name, data }: ProofJob): object {
  return { type: name, ...data };
}

/** A producer that publishes over HTTP, to one API process or the other. */
export class HttpProducer {
  /** Answers that nobody should have got. */
  readonly complaints: string[] = [];
  /** How many were accepted, by outcome. */
  readonly outcomes = new Map<string, number>();
  /** Of all answers; 5 s are promised (G9), of a process that runs on a machine that is not too busy. */
  slowestMs = 0;
  private readonly agent = new Agent({ keepAlive: true });

  constructor(
    readonly name: string,
    private readonly ports: readonly number[],
    private readonly ledger: Ledger,
    private readonly random: Random,
  ) {}

  /** With a key it is repeated until a 202 comes; without one it is sent once. */
  send(notification: Notification, job: ProofJob, key?: string): Promise<void> {
    return this.persist([notification], bodyOf(job), key);
  }

  /** Several in one request. */
  sendAll(notifications: readonly Notification[], jobs: readonly ProofJob[], key?: string): Promise<void> {
    return this.persist(notifications, jobs.map(bodyOf), key);
  }

  close(): void {
    this.agent.destroy();
  }

  private async persist(notifications: readonly Notification[], body: unknown, key?: string): Promise<void> {
    const text = JSON.stringify(body);
    const startedAt = now();
    while (!(await this.attempt(notifications, text, key))) {
      if (key === undefined || now() - startedAt > PERSIST_MS) return;
      await delay(this.random.int(50, 500));
    }
  }

  /** Whether all were accepted. */
  private async attempt(
    notifications: readonly Notification[],
    body: string,
    key?: string,
  ): Promise<boolean> {
    const said = key === undefined ? this.name : `${this.name}, key ${key}`;
    try {
      const answer = await this.post(this.random.pick(this.ports), body, key);
      const { tookMs, status } = answer;
      this.slowestMs = Math.max(this.slowestMs, tookMs);
      if (status !== 202 && status !== 207) {
        if (status !== 503) this.complain(answer);
        for (const one of notifications) this.ledger.unknown(one, `${said}: ${status} after ${tookMs} ms`);
        return false;
      }
      const { jobs } = JSON.parse(answer.body) as { jobs: Answered[] };
      if (jobs.length !== notifications.length) this.complain(answer);
      notifications.forEach((one, at) => this.note(one, jobs[at], `${said}: ${status}`));
      return status === 202;
    } catch (error) {
      for (const one of notifications) this.ledger.unknown(one, `${said}: ${(error as Error).message}`);
      return false;
    }
  }

  private note(notification: Notification, answered: Answered | undefined, said: string): void {
    const { outcome, error } = answered ?? {};
    if (outcome === undefined) {
      if (error?.status !== 503) this.complaints.push(`answered ${JSON.stringify(answered)}`);
      return this.ledger.unknown(notification, `${said} ${JSON.stringify(answered)}`);
    }
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    this.ledger.accepted(notification, `${said} ${JSON.stringify(answered)}`);
  }

  private complain({ status, body }: Answer): void {
    this.complaints.push(`answered ${status}: ${body.slice(0, 300)}`);
  }

  private post(port: number, body: string, key?: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers: Record<string, string> = {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'x-api-key': API_KEY,
      };
      if (key !== undefined) headers['idempotency-key'] = key;
      const { agent } = this;
      const outgoing = request({
        port,
        host: '127.0.0.1',
        path: '/v1/notifications',
        method: 'POST',
        headers,
        agent,
      });
      outgoing.setTimeout(GIVE_UP_MS, () => outgoing.destroy(new Error(`no answer in ${GIVE_UP_MS} ms`)));
      let sentAt = now();
      outgoing.once('finish', () => (sentAt = now()));
      outgoing.once('error', reject);
      outgoing.once('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('error', reject);
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, body: text, tookMs: now() - sentAt }),
        );
        // Broken off before its end: an error comes as well, or not.
        response.once('close', () => reject(new Error('the answer broke off')));
      });
      outgoing.end(body);
    });
  }
}
