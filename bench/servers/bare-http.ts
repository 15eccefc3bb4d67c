/**
 * A baseline: `node:http` and a Map, nothing else. With KEEP=1 it keeps every event and replays after `Last-Event-ID`, from memory.
 *
 * GET /stream?user=u, POST /publish {to, data}
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Publication {
  readonly to: string | string[];
  readonly data: unknown;
}

const KEEP = process.env['KEEP'] === '1';
const STREAM = '/stream?user=';

const streams = new Map<string, Set<ServerResponse>>();
const kept = new Map<string, string[]>();
let lastId = 0;

function stream(user: string, request: IncomingMessage, response: ServerResponse): void {
  const own = streams.get(user) ?? new Set();
  streams.set(user, own.add(response));
  response.on('close', () => own.delete(response));
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
  response.flushHeaders();
  const after = request.headers['last-event-id'];
  if (!KEEP || after === undefined) return;
  for (const frame of kept.get(user)?.slice(Number(after)) ?? []) response.write(frame);
}

function publish({ to, data }: Publication): void {
  const json = JSON.stringify(data);
  for (const user of Array.isArray(to) ? to : [to]) {
    const frames = kept.get(user) ?? [];
    const frame = `id: ${KEEP ? frames.length + 1 : ++lastId}\ndata: ${json}\n\n`;
    if (KEEP) kept.set(user, frames);
    if (KEEP) frames.push(frame);
    for (const response of streams.get(user) ?? []) response.write(frame);
  }
}

const server = createServer((request, response) => {
  const url = request.url ?? '';
  if (url.startsWith(STREAM)) {
    stream(url.slice(STREAM.length), request, response);
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => (body += chunk));
  request.on('end', () => {
    publish(JSON.parse(body) as Publication);
    response.writeHead(204).end();
  });
});

server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`));
