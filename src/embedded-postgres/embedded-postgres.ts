import { setTimeout as delay } from 'node:timers/promises';
import { findBinaries, type Binaries } from './binaries.js';
import { Cluster, keepPort, keptPort } from './cluster.js';
import { EmbeddedPostgresError } from './error.js';
import { openHome, passwordsOf, type Log } from './home.js';
import { APPLICATION, isPassing, Keeper } from './keeper.js';
import { freePort, isFree } from './ports.js';

/** The options of {@link startEmbeddedPostgres}. */
export interface EmbeddedPostgresOptions {
  /** TIDINGS_DATA_DIR; Postgres uses its subdirectory `postgres`. Created if needed. */
  dataDir: string;
  /** Default: no output. */
  logger?: Log;
  /** Default: the previous port, at first any free one. */
  port?: number;
  /** Default: the binaries of the npm package for this platform. */
  binaries?: Binaries;
}

/** A Postgres that runs on this machine for this process. */
export interface EmbeddedPostgres {
  /** `postgres://tidings:<password>@127.0.0.1:<port>/tidings`; the role owns the database and is not a superuser. */
  readonly url: string;
  readonly port: number;
  /** Whether the server was already running: another process uses it, or a killed process left it behind. */
  readonly attached: boolean;
  /** Stops the server unless another live process uses it. May be called again. Never rejects. */
  stop(): Promise<void>;
}

const SILENT: Log = { log: () => {}, warn: () => {}, error: () => {} };

/** The longest time to start, recover or shut down. */
const PATIENCE_MS = 60_000;

/**
 * Starts the Postgres of a data directory, or attaches to a running one.
 *
 * @throws {EmbeddedPostgresError} if it cannot run here; the message explains why and how to fix it.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const log = options.logger ?? SILENT;
  const home = await openHome(options.dataDir, log);
  const cluster = new Cluster(home, options.binaries ?? (await findBinaries(home.account)));
  const server = new Supervisor(cluster, log, options.port ?? null);
  await server.start();
  return server;
}

/**
 * Keeps one server running for as long as this process needs it.
 *
 *     starting -> running <-> recovering
 *         |          |            |
 *         v          +------------+--> stopping -> stopped
 *      (throws)
 *
 * - starting: attaches to the server of this directory, else starts it; repeated while another process starts
 *   or stops it.
 * - running: the keeper's connection is open. If it breaks, the server has crashed, restarted or been killed:
 *   recovering.
 * - recovering: as starting, forever, with a pause after each failure; keeps the address if possible.
 * - stopping: if this process is the last one, shuts the server down (fast, then immediate, then kill).
 */
class Supervisor implements EmbeddedPostgres {
  url = '';
  port = 0;
  attached = false;
  private keeper: Keeper | null = null;
  private recovery: Promise<void> = Promise.resolve();
  private stopped: Promise<void> | null = null;
  private readonly stopping = new AbortController();

  constructor(
    private readonly cluster: Cluster,
    private readonly log: Log,
    private readonly fixedPort: number | null,
  ) {}

  async start(): Promise<void> {
    await this.cluster.init();
    const { application } = await passwordsOf(this.cluster.home);
    this.attached = await this.acquire();
    this.url = `postgres://${APPLICATION}:${application}@127.0.0.1:${this.port}/${APPLICATION}`;
  }

  stop(): Promise<void> {
    this.stopped ??= this.shutDown().catch((error: unknown) => {
      this.log.error(`Postgres could not be stopped: ${(error as Error).message}`);
    });
    return this.stopped;
  }

  /** Resolves when the keeper is connected, to whether the server was already running. */
  private async acquire(): Promise<boolean> {
    const passwords = await passwordsOf(this.cluster.home);
    const deadline = performance.now() + PATIENCE_MS;
    let attached = true;
    let problem: unknown = new Error('another process is starting or stopping it');
    while (performance.now() < deadline) {
      this.stopping.signal.throwIfAborted();
      const postmaster = await this.cluster.postmaster();
      if (postmaster === null) {
        if (await this.startServer()) attached = false;
      } else if (postmaster.port !== null) {
        try {
          this.watch(await Keeper.connect(postmaster.port, passwords));
          this.port = postmaster.port;
          return attached;
        } catch (error) {
          if (!isPassing(error)) throw refused(this.cluster, error);
          problem = error;
        }
      }
      await delay(50, undefined, { signal: this.stopping.signal });
    }
    throw refused(this.cluster, problem);
  }

  private async startServer(): Promise<boolean> {
    const { home } = this.cluster;
    const wanted = this.fixedPort ?? (await keptPort(home));
    const free = wanted !== null && (await isFree(wanted));
    if (!free && this.fixedPort !== null) {
      throw new EmbeddedPostgresError(
        `Port ${this.fixedPort} for the embedded Postgres is taken by another program.`,
      );
    }
    const port = free ? wanted : await freePort();
    if (wanted !== null && port !== wanted) {
      this.log.warn(
        `Port ${wanted} of the embedded Postgres is taken by another program; Postgres uses port ${port} instead.`,
      );
    }
    const outcome = await this.cluster.start(port);
    if (outcome === 'started') await keepPort(home, port);
    return outcome === 'started';
  }

  private watch(keeper: Keeper): void {
    this.keeper = keeper;
    void keeper.ended.then(() => {
      if (this.keeper !== keeper || this.stopping.signal.aborted) return;
      this.keeper = null;
      this.recovery = this.recover();
    });
  }

  private async recover(): Promise<void> {
    this.log.warn('The connection to the embedded Postgres is lost; restarting it.');
    for (let pauseMs = 250; !this.stopping.signal.aborted; pauseMs = Math.min(pauseMs * 2, 5_000)) {
      const before = this.port;
      try {
        await this.acquire();
        this.log.log('The embedded Postgres is back.');
        if (this.port !== before) {
          this.log.error(`Its port ${before} is taken: restart Tidings to use port ${this.port}.`);
        }
        return;
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        this.log.error(`The embedded Postgres could not be restarted: ${(error as Error).message}`);
        await delay(pauseMs, undefined, { signal: this.stopping.signal }).catch(() => {});
      }
    }
  }

  private async shutDown(): Promise<void> {
    this.stopping.abort();
    await this.recovery;
    const { keeper } = this;
    // A server that cannot even report its users is stopped: other processes restart it, while an orphan
    // would stay.
    const last = await (keeper?.release() ?? Promise.resolve(true)).catch(() => true);
    if (last) {
      const how = await this.cluster.stop();
      if (how !== 'fast') this.log.warn(`Postgres did not shut down in time and was ended (${how}).`);
    }
    await keeper?.close();
  }
}

function refused(cluster: Cluster, cause: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    `The Postgres of ${cluster.dataDir} runs but refuses the connection: ${(cause as Error).message} ` +
      `(its log: ${cluster.logFile}).`,
    { cause },
  );
}
