/**
 * A baseline: what one writes with Nest alone, `@Sse()` and a Subject for each user. With KEEP=1 it keeps every event and replays
 * after `Last-Event-ID`, from memory.
 *
 * GET /stream?user=u, POST /publish {to, data}
 */
import 'reflect-metadata';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  Body,
  Controller,
  Headers,
  HttpCode,
  Module,
  Post,
  Query,
  Sse,
  type MessageEvent,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { concat, from, Subject, type Observable } from 'rxjs';

interface Publication {
  readonly to: string | string[];
  readonly data: object;
}

const KEEP = process.env['KEEP'] === '1';

@Controller()
class FeedController {
  private readonly subjects = new Map<string, Subject<MessageEvent>>();
  private readonly kept = new Map<string, MessageEvent[]>();

  @Sse('stream')
  stream(@Query('user') user: string, @Headers('last-event-id') after?: string): Observable<MessageEvent> {
    const subject = this.subjects.get(user) ?? new Subject<MessageEvent>();
    this.subjects.set(user, subject);
    if (!KEEP || after === undefined) return subject;
    return concat(from(this.kept.get(user)?.slice(Number(after)) ?? []), subject);
  }

  @Post('publish')
  @HttpCode(204)
  publish(@Body() { to, data }: Publication): void {
    for (const user of Array.isArray(to) ? to : [to]) this.keep(user, { data });
  }

  private keep(user: string, event: MessageEvent): void {
    if (KEEP) {
      const events = this.kept.get(user) ?? [];
      event.id = String(events.length + 1);
      this.kept.set(user, events);
      events.push(event);
    }
    this.subjects.get(user)?.next(event);
  }
}

@Module({ controllers: [FeedController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
console.log(`port ${((app.getHttpServer() as Server).address() as AddressInfo).port}`);
