import { spawn, type ChildProcess } from 'node:child_process';
import { Agent, request } from 'node:http';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPostgresBackend, Queue } from 'bullmq';
import fc from 'fast-check';
import { SignJWT } from 'jose';
import pg from 'pg';
import { isMessage } from '../../../src/browser/client/messages.js';
import { eventually } from '../../support/eventually.js';
import { freePort } from '../../support/ports.js';
import { createMigratedDatabase, type TestDatabase } from '../../support/postgres.js';
import { buildService, ServiceProcess } from '../../support/service.js';
import { testDirectory } from '../../support/test-root.js';
import { inputs, type HttpInput, type Input } from './inputs.js';

const SECRET = 'the secret of the fuzzer, 32 bytes or more';
const KEYS = {
  PRODUCER_API_KEYS: 'producer-key-0001',
  SUPPORT_API_KEYS: 'support-key-00001',
  ADMIN_API_KEYS: 'admin-key-0000001',
};
const IN_FLIGHT = 8;
const BATCH = 500;
/** A stream does not end; its head is the answer. */
const ANSWER_MS = 20_000;
/** Counted beside the statuses: the connection ended before an answer was read. */
const CUT_OFF = 0;

/** What a campaign has found. */
export interface Findings {
  readonly inputs: Readonly<Record<Input['kind'], number>>;
  /** How many answers had each status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** What must not happen, each with its input. */
  readonly violations: readonly string[];
}

/** Sends inputs to one real service, and to the check of messages between tabs. */
export class Campaign {
  readonly #counts = { http: 0, job: 0, message: 0 };
  readonly #statuses: Record<string, number> = {};
  readonly #violations: string[] = [];
  readonly #agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
  #heldMs: number[] = [];

  private constructor(
    private readonly database: TestDatabase,
    private readonly service: ServiceProcess,
    private readonly queue: Pick<Queue, 'add' | 'addBulk' | 'getJobCounts' | 'close'>,
    private readonly pool: pg.Pool,
    private readonly tokens: readonly string[],
  ) {
    service.child.on('message', (message: { heldMs?: number }) => {
      if (message.heldMs !== undefined) this.#heldMs.push(message.heldMs);
    });
  }

  static async start(): Promise<Campaign> {
    const database = await createMigratedDatabase();
    const main = await buildService();
    const dataDir = testDirectory('fuzz');
    const script = fileURLToPath(new URL('service.js', import.meta.url));
    const child: ChildProcess = spawn(process.execPath, [script, dirname(main)], {
      cwd: dataDir,
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        HOST: '127.0.0.1',
        PORT: String(await freePort()),
        DATABASE_URL: database.url,
        TIDINGS_DATA_DIR: dataDir,
        AUTH_JWT_SECRET: SECRET,
        AUTH_TENANT_CLAIM: 'org',
        AUTH_COOKIE: 'session',
        // What is limited is not tried.
        RECIPIENT_RATE_LIMIT: 'off',
        LOG_LEVEL: 'log',
        ...KEYS,
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const service = new ServiceProcess(child, dataDir);
    await service.says(/listens on http/);
    const pool = new pg.Pool({
      connectionString: database.url,
      options: '-c search_path=bullmq',
      keepAlive: true,
    });
    const queue = new Queue('tidings', { connection: pool }, createPostgresBackend);
    const tokens = await Promise.all(['ada', 'bob', 'cleo'].map(token));
    return new Campaign(database, service, queue, pool, tokens);
  }

  /** Runs so many inputs. They follow from the seed. */
  async run(count: number, seed: number, progress: (done: number) => void = () => {}): Promise<Findings> {
    const arbitrary = inputs({ tokens: this.tokens, keys: Object.values(KEYS) });
    for (let done = 0; done < count && this.#violations.length === 0; done += BATCH) {
      const batch = fc.sample(arbitrary, { seed: seed + done, numRuns: Math.min(BATCH, count - done) });
      await this.batch(batch);
      progress(Math.min(done + BATCH, count));
    }
    await this.settle();
    return { inputs: this.#counts, statuses: this.#statuses, violations: this.#violations };
  }

  async close(): Promise<void> {
    this.#agent.destroy();
    await this.queue.close();
    await this.pool.end();
    await this.service.stop();
    await this.database.drop();
  }

  private async batch(batch: readonly Input[]): Promise<void> {
    this.#heldMs = [];
    for (const input of batch) this.#counts[input.kind] += 1;
    for (const input of batch) if (input.kind === 'message') this.judge(input.data);
    const jobs = batch.flatMap((input) =>
      input.kind === 'job' ? [{ name: input.name || 'x', data: input.data }] : [],
    );
    const requests = batch.filter((input) => input.kind === 'http');
    const waiting = [...requests];
    await Promise.all([
      this.add(jobs),
      ...Array.from({ length: IN_FLIGHT }, async () => {
        for (let next = waiting.pop(); next && this.#violations.length === 0; next = waiting.pop())
          await this.send(next);
      }),
    ]);
    if (this.service.child.exitCode !== null || this.service.child.signalCode !== null) {
      this.violation(`the service ended:\n${this.service.stderr.slice(-2_000)}`, batch);
    }
    // Many requests and the garbage collector share the turns of a batch: what counts is a request that holds the loop alone.
    if (this.#heldMs.length > 0) await this.findHolder(requests);
  }

  /** Postgres refuses some JSON (NUL), and with it the whole call. */
  private async add(jobs: readonly { readonly name: string; readonly data: unknown }[]): Promise<void> {
    if (jobs.length === 0) return;
    await this.queue.addBulk([...jobs]).catch(async (error: unknown) => {
      if (!isContentError(error)) throw error;
      for (const { name, data } of jobs) {
        await this.queue.add(name, data).catch((one: unknown) => {
          if (!isContentError(one)) throw one;
        });
      }
    });
  }

  private async findHolder(requests: readonly HttpInput[]): Promise<void> {
    for (const input of requests) {
      for (let attempt = 0; attempt < 3; attempt += 1) {
        this.#heldMs = [];
        await this.send(input);
        // The service reports at its next timer, at most 5 ms later.
        await this.send({ kind: 'http', method: 'GET', path: '/healthz', headers: {}, body: null });
        if (this.#heldMs.length === 0) break;
        if (attempt === 2) this.violation(`held the loop for ${Math.max(...this.#heldMs)} ms`, input);
      }
    }
  }

  private judge(data: unknown): void {
    try {
      if (typeof isMessage(data) === 'boolean') return;
      this.violation('has no verdict', data);
    } catch (error) {
      this.violation(`throws ${String(error)}`, data);
    }
  }

  private async send(input: HttpInput): Promise<void> {
    const status = await this.answerTo(input);
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1;
    // Readiness may fail for a moment on a busy machine; at the end it must not.
    const isProbe = input.path.startsWith('/readyz') && status === 503;
    if (typeof status === 'string' || (status >= 500 && !isProbe))
      this.violation(`is answered ${status}`, input);
  }

  /** The service may close a kept connection at the moment of the next request, so that one is asked again on a new one. */
  private async answerTo(input: HttpInput): Promise<number | string> {
    const answer = await this.ask(input, this.#agent);
    return answer === CUT_OFF ? this.ask(input, false) : answer;
  }

  private ask({ method, path, headers, body }: HttpInput, agent: Agent | false): Promise<number | string> {
    return new Promise((resolve) => {
      const isStream = path.startsWith('/v1/stream');
      const { hostname, port } = new URL(this.service.origin);
      const call = request(
        {
          hostname,
          port,
          method,
          path,
          headers: { host: 'localhost', ...headers },
          agent,
          timeout: ANSWER_MS,
        },
        (response) => {
          if (isStream) response.destroy();
          else response.resume();
          response.once('close', () => resolve(response.statusCode ?? 'nothing'));
        },
      );
      call.once('timeout', () => call.destroy(new Error('a timeout')));
      call.once('error', (error: NodeJS.ErrnoException) => {
        // A body that is refused unread is cut off. Whether the service has ended is looked at after each batch.
        if (error.code === 'ECONNRESET' || error.code === 'EPIPE') resolve(CUT_OFF);
        else resolve(error.message);
      });
      call.end(body ?? undefined);
    });
  }

  /** The service is well, and has ended every job. */
  private async settle(): Promise<void> {
    if (this.service.child.exitCode !== null) {
      this.violation(`the service ended:\n${this.service.stderr.slice(-2_000)}`, null);
      return;
    }
    await eventually(
      async () => {
        const { waiting, active } = await this.queue.getJobCounts('waiting', 'active');
        return waiting === 0 && active === 0;
      },
      { timeoutMs: 120_000, everyMs: 200 },
    ).catch(() => this.violation('jobs do not end', null));
    const health = await fetch(`${this.service.origin}/readyz`);
    if (health.status !== 200) this.violation(`/readyz answers ${health.status}`, null);
    if (/unhandled|uncaught/i.test(this.service.stdout + this.service.stderr)) {
      this.violation('an unhandled error is in the log', null);
    }
  }

  private violation(what: string, input: unknown): void {
    this.#violations.push(`${what}: ${JSON.stringify(input)?.slice(0, 2_000)}`);
  }
}

function isContentError(error: unknown): boolean {
  return /^22/.test(String((error as { code?: unknown }).code));
}

function token(sub: string): Promise<string> {
  return new SignJWT({ sub, org: 'acme' })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime('1d')
    .sign(new TextEncoder().encode(SECRET));
}
