import { createConnection } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Deployment } from '../support/deployment.js';
import { buildService, killServices } from '../support/service.js';

/** A request has 15 s, and Node looks every 30 s. */
const LONGEST_MS = 45_000;

describe('a body that nobody reads', () => {
  let deployment: Deployment;
  let origin: string;
  beforeAll(async () => {
    await buildService();
    deployment = await Deployment.open('postgres');
    ({ origin } = await deployment.start());
  }, 240_000);
  afterAll(async () => {
    await killServices();
    await deployment?.close();
  });

  it(
    'does not keep a connection, though it goes on to arrive',
    async () => {
      const { hostname, port } = new URL(origin);
      const send = (line: string): Promise<{ answer: string; tookMs: number }> =>
        new Promise((resolve, reject) => {
          let answer = '';
          const since = performance.now();
          const socket = createConnection(Number(port), hostname, () => {
            socket.write(
              `${line} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 100000\r\n\r\nx`,
            );
          });
          const drops = setInterval(() => socket.write('x'), 500);
          const tooLong = setTimeout(() => socket.destroy(), 2 * LONGEST_MS);
          socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
          // Ours may be on its way when the server closes.
          socket.on('error', (error: NodeJS.ErrnoException) => {
            if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error);
          });
          socket.on('close', () => {
            clearInterval(drops);
            clearTimeout(tooLong);
            resolve({ answer, tookMs: performance.now() - since });
          });
        });
      // Refused, of a route that takes no body, and of none at all.
      const requests = { 'POST /v1/notifications': 401, 'GET /healthz': 200, 'PUT /nothing': 404 };
      const results = await Promise.all(Object.keys(requests).map(send));
      for (const [index, status] of Object.values(requests).entries()) {
        expect(results[index]!.answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
        expect(results[index]!.tookMs).toBeLessThan(LONGEST_MS + 5_000);
      }
    },
    3 * LONGEST_MS,
  );
});
