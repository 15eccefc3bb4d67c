import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { makeCertificate, type Certificate } from '../support/certificate.js';
import { Deployment } from '../support/deployment.js';
import { eventually } from '../support/eventually.js';
import { Http2Client } from '../support/http2-client.js';
import { caddy, haproxy, nginx, type ReverseProxy } from '../support/proxies.js';
import { buildService, killServices, type ServiceProcess } from '../support/service.js';
import { connect, type SseClient } from '../support/sse-client.js';
import { describeWith, findTool, type Tool } from '../support/tools.js';

const STREAMS = 100;
const IDLE_S = 8;
const HEARTBEAT_MS = 500;
const PATIENT = { timeoutMs: 60_000 };
const PROXIES = { nginx, haproxy, caddy };

/** A proxy, and one client of it with an idle stream. */
interface Bench {
  readonly proxy: ReverseProxy;
  readonly headers: Record<string, string>;
  readonly connection: Http2Client;
  readonly idle: SseClient;
}

let deployment: Deployment;
let service: ServiceProcess;
let certificate: Certificate;
const benches = new Map<string, Bench>();
let idleSince = 0;

beforeAll(async () => {
  await buildService();
  deployment = await Deployment.open('postgres');
  service = await deployment.start({
    STREAM_HEARTBEAT_MS: String(HEARTBEAT_MS),
    STREAM_MAX_PER_RECIPIENT: String(2 * STREAMS),
    RECIPIENT_RATE_LIMIT: 'off',
  });
  certificate = makeCertificate();
  const upstream = new URL(service.origin).host;
  for (const [tool, start] of Object.entries(PROXIES)) {
    if (findTool(tool as Tool) === null) continue;
    const proxy = await start({ upstream, certificate, idleSeconds: IDLE_S });
    const headers = { authorization: `Bearer ${await deployment.token(tool)}` };
    const connection = await Http2Client.connect(proxy.origin, certificate.pem);
    const idle = await connection.open('/v1/stream', headers);
    benches.set(tool, { proxy, headers, connection, idle });
    await idle.waitFor(({ event }) => event === 'feed.ready', PATIENT);
  }
  idleSince = performance.now();
}, 300_000);

afterAll(async () => {
  for (const { connection, proxy } of benches.values()) {
    await connection.close();
    await proxy.stop();
  }
  await killServices();
  await deployment?.close();
});

/** As the service counts them. */
async function openStreams(): Promise<number> {
  const text = await (await fetch(`${service.origin}/metrics`)).text();
  return Number(/^tidings_streams_open (\d+)$/m.exec(text)![1]);
}

/** What a proxy must not change: all but the jittered times and the comments between. */
const entriesOf = ({ frames }: SseClient): string[] =>
  frames.filter(({ event }) => event === 'task-completed').map(({ raw }) => raw);

for (const tool of Object.keys(PROXIES)) {
  describeWith(tool as Tool, `${tool} with TLS and HTTP/2`, () => {
    it(`passes each frame at once and as written to ${STREAMS} streams on one connection`, async () => {
      const { connection, headers, idle } = benches.get(tool)!;
      // The idle one is on the connection as well.
      const streams = await Promise.all(
        Array.from({ length: STREAMS - 1 }, () => connection.open('/v1/stream?lastEventId=0', headers)),
      );
      for (const { status, headers: head } of streams) {
        expect([status, head['content-type'], head['content-encoding']]).toEqual([
          200,
          expect.stringMatching(/^text\/event-stream/),
          undefined,
        ]);
      }
      // The next one is sent when everybody has the former one, so that none waits in a buffer for it.
      for (const title of ['one', 'two\n第二', `three ${'x'.repeat(4_000)}`]) {
        await deployment.add(tool, title);
        const task = JSON.stringify(`Task ${title}`);
        for (const stream of [idle, ...streams])
          await stream.waitFor(({ raw }) => raw.includes(task), PATIENT);
      }
      const direct = await connect(`${service.origin}/v1/stream?lastEventId=0`, { headers });
      await eventually(() => expect(entriesOf(direct)).toHaveLength(3), PATIENT);
      for (const stream of [idle, ...streams]) expect(entriesOf(stream)).toEqual(entriesOf(direct));
      await Promise.all([direct, ...streams].map((stream) => stream.close()));
    }, 180_000);

    it('lets the service notice a stream that is cancelled, and a connection that is lost', async () => {
      const { proxy, headers } = benches.get(tool)!;
      const untilOpen = (count: number): Promise<void> =>
        eventually(async () => expect(await openStreams()).toBe(benches.size + count), PATIENT);
      // Those of the test before are gone.
      await untilOpen(0);
      const other = await Http2Client.connect(proxy.origin, certificate.pem);
      const streams = await Promise.all([1, 2, 3].map(() => other.open('/v1/stream', headers)));
      await untilOpen(3);
      await streams[0]!.close();
      await untilOpen(2);
      await other.close();
      await untilOpen(0);
    }, 180_000);

    // Tests run in their order, so that the time has passed for the most part.
    it('keeps an idle stream longer than its timeouts, because the service sends heartbeats', async () => {
      const { idle } = benches.get(tool)!;
      const heard = idle.frames.length;
      await idle.waitFor(
        () => performance.now() - idleSince > 1_500 * IDLE_S && idle.frames.length > heard,
        PATIENT,
      );
      await deployment.add(tool, 'after the silence');
      await idle.waitFor(({ raw }) => raw.includes('"Task after the silence"'), PATIENT);
    }, 180_000);
  });
}
