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

/** A producer that publishes over HTTP, to one API process or the other. */
export class HttpProducer {
  /** Answers that nobody should have got. */
  readonly complaints: string[] = [];
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
  async send(notification: Notification, { name, data }: ProofJob, key?: string): Promise<void> {
    const body = JSON.stringify({ type: name, ...data });
    const startedAt = now();
    while (!(await this.attempt(notification, body, key))) {
      if (key === undefined || now() - startedAt > PERSIST_MS) return;
      await delay(this.random.int(50, 500));
    }
  }

  close(): void {
    this.agent.destroy();
  }

  /** Whether it was accepted. */
  private async attempt(notification: Notification, body: string, key?: string): Promise<boolean> {
    const said = key === undefined ? this.name : `${this.name}, key ${key}`;
    try {
      const answer = await this.post(this.random.pick(this.ports), body, key);
      const { tookMs } = answer;
      this.slowestMs = Math.max(this.slowestMs, tookMs);
      if (answer.status === 202) {
        this.ledger.accepted(notification, `${said}: 202 ${answer.body}`);
        return true;
      }
      if (answer.status !== 503)
        this.complaints.push(`answered ${answer.status}: ${answer.body.slice(0, 300)}`);
      this.ledger.unknown(notification, `${said}: ${answer.status} after ${tookMs} ms`);
    } catch (error) {
      this.ledger.unknown(notification, `${said}: ${(error as Error).message}`);
    }
    return false;
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
