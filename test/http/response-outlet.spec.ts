import { afterEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { Observable, type Subscriber } from 'rxjs';
import type { Frame, StreamOutlet } from '../../src/contract/ports/stream.js';
import { ResponseOutlet } from '../../src/http/index.js';
import { eventually } from '../support/eventually.js';
import { startHttpApp, type HttpApp } from './http-app.js';
import { sign } from './tokens.js';

const GET = 'GET /v1/stream HTTP/1.1\r\nHost: x\r\n';

/** Frames of about 1 KiB whose ids count. */
const frame = (id: number): Frame => ({ type: 'task-completed', id: `e-${id}`, data: 'x'.repeat(1_000) });

describe("the outlet of a stream behind Nest's @Sse()", () => {
  let app: HttpApp;
  let client: Socket;
  /** How often the server's socket was given something to write: a system call each. */
  let writes: number;
  afterEach(async () => {
    client.destroy();
    await app.close();
  });

  /** A stream whose server's side the test writes itself, and a client that does nothing until told to. */
  async function open(): Promise<{ outlet: StreamOutlet; subscriber: Subscriber<Frame> }> {
    app = await startHttpApp({ ownWriter: false });
    const opened = new Promise<{ outlet: StreamOutlet; subscriber: Subscriber<Frame> }>((resolve) => {
      app.streams.frames = ({ outlet }) => new Observable((subscriber) => resolve({ outlet, subscriber }));
    });
    const server = app.nest.getHttpServer();
    server.once('connection', (socket) => countWrites(socket, () => (writes += 1)));
    const { port, hostname } = new URL(app.url);
    client = connect(Number(port), hostname);
    client.on('error', () => {});
    client.write(`${GET}Authorization: Bearer ${await sign()}\r\n\r\n`);
    const stream = await opened;
    // The head leaves by itself.
    await readUntil('\r\n\r\n');
    writes = 0;
    return stream;
  }

  /** Reads until the text has come, and returns all that was read. */
  function readUntil(text: string): Promise<string> {
    client.setEncoding('latin1');
    return new Promise((resolve, reject) => {
      let received = '';
      const finish = (): void => {
        client.off('data', take).off('close', fail).pause();
        resolve(received);
      };
      const take = (chunk: string): void => {
        received += chunk;
        if (received.includes(text)) finish();
      };
      const fail = (): void => reject(new Error(`closed after ${received.length} bytes`));
      client.on('data', take).on('close', fail).resume();
    });
  }

  const idsIn = (received: string): string[] => received.match(/(?<=\nid: )e-\d+/g) ?? [];
  const idsTo = (count: number): string[] => Array.from({ length: count }, (_, id) => `e-${id}`);

  it('sends the frames of a batch as one piece where they fit into the buffer', async () => {
    const { outlet, subscriber } = await open();
    outlet.batch(() => {
      for (let id = 0; id < 12; id += 1) subscriber.next(frame(id));
    });
    const received = await readUntil('id: e-11');
    expect(idsIn(received)).toEqual(idsTo(12));
    expect(writes).toBe(1);
  });

  it('sends frames without a batch one by one', async () => {
    const { subscriber } = await open();
    for (let id = 0; id < 12; id += 1) subscriber.next(frame(id));
    await readUntil('id: e-11');
    expect(writes).toBeGreaterThan(6);
  });

  it('sends a batch that is larger than the buffer in order, whole, and in few pieces', async () => {
    const { outlet, subscriber } = await open();
    outlet.batch(() => {
      for (let id = 0; id < 250; id += 1) subscriber.next(frame(id));
    });
    const received = await readUntil('id: e-249');
    expect(idsIn(received)).toEqual(idsTo(250));
    expect(writes).toBeLessThan(30);
  });

  it('calls back once the frames have left, and in time for the next ones', async () => {
    const { outlet, subscriber } = await open();
    const reading = readUntil('id: e-999');
    let calls = 0;
    for (let page = 0; page < 10; page += 1) {
      outlet.batch(() => {
        for (let id = 0; id < 100; id += 1) subscriber.next(frame(page * 100 + id));
      });
      await new Promise<void>((resolve) =>
        outlet.whenWritable(() => {
          calls += 1;
          resolve();
        }),
      );
    }
    expect(idsIn(await reading)).toEqual(idsTo(1_000));
    expect(calls).toBe(10);
  });

  it('does not call back for a reader that does not read, and does as soon as it reads again', async () => {
    const { outlet, subscriber } = await open();
    let pages = 0;
    const pump = (): void => {
      pages += 1;
      outlet.batch(() => {
        for (let id = 0; id < 100; id += 1) subscriber.next(frame(pages * 100 + id));
      });
      outlet.whenWritable(pump);
    };
    pump();
    // The kernel takes a few megabytes; then neither pages nor bytes move any more.
    const stuck = await standstill(() => pages);
    expect(stuck).toBeGreaterThan(1);
    expect(stuck).toBeLessThan(200);
    const bytes = outlet.bytesTaken();
    expect(bytes).toBeGreaterThan((stuck - 2) * 100_000);
    expect(bytes).toBeLessThan((stuck + 1) * 110_000);
    await standstill(() => outlet.bytesTaken());

    client.on('data', () => {}).resume();
    await eventually(() => pages > stuck + 10);
    expect(outlet.bytesTaken()).toBeGreaterThan(bytes);
    expect(app.logger.lines).toEqual([]);
  });

  it('calls back when the last byte has left, so that the closing frame is known to be sent', async () => {
    const { outlet, subscriber } = await open();
    const reading = readUntil('\r\n0\r\n\r\n');
    subscriber.next({ type: 'feed.closing', id: 'e-0', data: '{}' });
    subscriber.complete();
    await new Promise<void>((resolve) => outlet.whenWritable(resolve));
    expect(await reading).toContain('event: feed.closing');
    // Also when it is asked only now.
    await new Promise<void>((resolve) => outlet.whenWritable(resolve));
  });

  it('does not call back for a farewell that a reader does not take, and destroys its connection', async () => {
    const { outlet, subscriber } = await open();
    let writable = true;
    const fill = (): void => {
      for (let id = 0; id < 100; id += 1) subscriber.next(frame(id));
      writable = false;
      outlet.whenWritable(() => {
        writable = true;
        fill();
      });
    };
    fill();
    await standstill(() => outlet.bytesTaken());
    let sent = false;
    subscriber.complete();
    outlet.whenWritable(() => (sent = true));
    await standstill(() => outlet.bytesTaken());
    expect({ sent, writable }).toEqual({ sent: false, writable: false });
    const closed = once(client, 'close');
    client.resume();
    outlet.destroy();
    await closed;
    expect(sent).toBe(false);
  });
});

describe('the outlet of a bare response', () => {
  let server: Server;
  let client: Socket;
  afterEach(async () => {
    client.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function open(): Promise<ServerResponse> {
    const asked = new Promise<ServerResponse>((resolve) => {
      server = createServer((_request, response) => resolve(response));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    client = connect((server.address() as AddressInfo).port, '127.0.0.1');
    client.on('error', () => {}).pause();
    client.write(`${GET}\r\n`);
    return asked;
  }

  /** Writes far more than the kernel takes. */
  const overfill = (response: ServerResponse): boolean => response.write(Buffer.alloc(30_000_000, 'x'));
  const EVENTS = ['drain', 'finish', 'close'];
  const listeners = (response: ServerResponse): number[] =>
    EVENTS.map((name) => response.listenerCount(name));

  it('leaves no listeners behind when it is asked again and again', async () => {
    const response = await open();
    const outlet = new ResponseOutlet(response);
    const before = listeners(response);
    let calls = 0;
    for (let round = 0; round < 20; round += 1) {
      outlet.batch(() => void response.write('x'.repeat(20_000)));
      outlet.whenWritable(() => (calls += 1));
    }
    client.resume();
    await eventually(() => calls === 20);
    await turn();
    expect(listeners(response)).toEqual(before);
  });

  it('never calls back after the connection broke off, and leaves no listeners behind', async () => {
    const response = await open();
    const outlet = new ResponseOutlet(response);
    const before = listeners(response);
    let calls = 0;
    outlet.batch(() => void overfill(response));
    outlet.whenWritable(() => (calls += 1));
    await turn();
    await turn();
    expect(listeners(response)).not.toEqual(before);
    const closed = once(response, 'close');
    client.destroy();
    await closed;
    outlet.whenWritable(() => (calls += 1));
    // What Nest does when the client leaves.
    response.end();
    outlet.whenWritable(() => (calls += 1));
    outlet.batch(() => {});
    outlet.destroy();
    await turn();
    await turn();
    expect(calls).toBe(0);
    expect(listeners(response)).toEqual(before);
  });

  it('calls back only when the turn is over', async () => {
    const outlet = new ResponseOutlet(await open());
    let called = false;
    outlet.whenWritable(() => (called = true));
    await Promise.resolve();
    expect(called).toBe(false);
    await eventually(() => called);
  });

  it('distinguishes a reader that takes a little of one large write from one that takes nothing', async () => {
    const response = await open();
    const outlet = new ResponseOutlet(response);
    overfill(response);
    let taken = await standstill(() => outlet.bytesTaken());
    expect(taken).toBeLessThan(29_000_000);
    client.on('readable', () => {});
    for (let step = 0; step < 3; step += 1) {
      const readALittle = (): boolean => {
        client.read();
        return outlet.bytesTaken() > taken;
      };
      await eventually(readALittle, { everyMs: 1 });
      taken = outlet.bytesTaken();
      // The write as such is not done.
      expect(response.writableNeedDrain).toBe(true);
      expect(taken).toBeLessThan(30_000_000);
    }
  });

  it('corks nothing on a response that has ended', async () => {
    const response = await open();
    const outlet = new ResponseOutlet(response);
    outlet.batch(() => void response.end('bye'));
    await new Promise<void>((resolve) => outlet.whenWritable(resolve));
    outlet.batch(() => {});
    await turn();
    expect(response.writableCorked).toBe(0);
  });
});

/** Counts what goes on below the socket's own buffer (`_write` and `_writev` are what a stream's buffer is emptied by). */
function countWrites(socket: Socket, count: () => void): void {
  for (const method of ['_write', '_writev'] as const) {
    const original = socket[method]!.bind(socket) as (...parts: unknown[]) => void;
    socket[method] = (...parts: unknown[]) => {
      count();
      original(...parts);
    };
  }
}

/** Waits until a number has stood still for a while, and returns it: that nothing happens sends no signal. */
async function standstill(read: () => number): Promise<number> {
  let [value, since] = [read(), Date.now()];
  await eventually(
    () => {
      if (read() !== value) [value, since] = [read(), Date.now()];
      return Date.now() - since >= 400;
    },
    { timeoutMs: 15_000 },
  );
  return value;
}
