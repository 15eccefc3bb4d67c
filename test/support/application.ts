import { createServer, request as requestOf, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bellFiles, POLICY } from './bell-page.js';

/** A web application on a port of its own. */
export interface Application {
  readonly origin: string;
  /** The address of a page with the element and the tools of `test/browser/bell-page.ts` in it. */
  bellPage(body?: string, attributes?: string): string;
  close(): Promise<void>;
}

/**
 * Serves pages with the element, under a strict policy, and an empty page at any other path; passes on what is for the service, at this
 * port.
 */
export async function startApplication(servicePort: string): Promise<Application> {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
    if (pathname.startsWith('/v1/')) return passOn(request, response, servicePort);
    void bellFiles(Object.fromEntries(searchParams)).then((files) => {
      const [type, text] = files[pathname] ?? [
        'text/html; charset=utf-8',
        '<!doctype html><title>application</title><link rel="icon" href="data:," />',
      ];
      response.setHeader('content-type', type);
      if (files[pathname]) {
        response.setHeader('content-security-policy', `${POLICY}; connect-src http://127.0.0.1:*`);
      }
      response.end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    bellPage: (body, attributes) => {
      const given = Object.entries({ body, attributes }).filter(
        (entry): entry is [string, string] => !!entry[1],
      );
      return `${origin}/?${new URLSearchParams(given).toString()}`;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Breaks the connection where the service breaks it. */
function passOn(request: IncomingMessage, response: ServerResponse, port: string): void {
  const { method, headers, url: path } = request;
  const passed = requestOf({ host: '127.0.0.1', port, method, headers, path }, (answer) => {
    response.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(response);
    answer.once('error', () => response.destroy());
  });
  passed.once('error', () => response.destroy());
  response.once('close', () => passed.destroy());
  request.pipe(passed);
}
