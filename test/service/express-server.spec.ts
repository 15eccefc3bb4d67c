import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { Express, Request, Response } from 'express';
import { ExpressServer } from '../../src/service/express-server.js';

@Module({})
class EmptyModule {}

describe('the server of the service', () => {
  it('makes requests and responses that Express has nothing to add to', async () => {
    const app = await NestFactory.create<NestExpressApplication>(EmptyModule, new ExpressServer(), {
      logger: false,
    });
    app.use((request: Request, response: Response) => {
      response.json({ host: request.get('Host'), strict: request.app.enabled('strict routing') });
    });
    await app.listen(0, '127.0.0.1');
    try {
      const server = app.getHttpServer();
      const express: Express = app.getHttpAdapter().getInstance();
      const prototypes: unknown[] = [];
      server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
        prototypes.push(Object.getPrototypeOf(request), Object.getPrototypeOf(response));
      });

      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const answer = await fetch(`http://${host}/`);

      expect(await answer.json()).toEqual({ host, strict: true });
      expect(prototypes[0]).toBe(express.request);
      expect(prototypes[1]).toBe(express.response);
    } finally {
      await app.close();
    }
  });

  it('closes while a client is connected', async () => {
    const app = await NestFactory.create<NestExpressApplication>(EmptyModule, new ExpressServer(), {
      logger: false,
    });
    await app.listen(0, '127.0.0.1');
    const server = app.getHttpServer();
    // One that has sent no request yet, which Node does not count as idle.
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1').resume();
    await once(server, 'connection');

    await app.close();

    expect(server.listening).toBe(false);
    client.destroy();
  });
});
