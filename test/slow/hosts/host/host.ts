/**
 * A host application with everything that hosts have: it must not break what it imports, nor be broken by it. The same source is a CommonJS program on
 * Nest 11 and an ES module on Nest 12; the test compiles it in a directory of its own, against the packed tarball.
 */
import {
  Body,
  Catch,
  ClassSerializerInterceptor,
  Controller,
  ForbiddenException,
  Get,
  Injectable,
  Module,
  Post,
  SetMetadata,
  ValidationPipe,
  VersioningType,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
} from '@nestjs/common';
import {
  APP_FILTER,
  APP_GUARD,
  APP_INTERCEPTOR,
  HttpAdapterHost,
  NestFactory,
  Reflector,
} from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Throttle, ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { Queue, Worker } from 'bullmq';
import { Exclude } from 'class-transformer';
import { IsString } from 'class-validator';
import compression from 'compression';
import pg from 'pg';
import { map, timeout, type Observable } from 'rxjs';
import { defineNotification, SHIPPED_TYPES, TidingsModule, TidingsService, type Identity } from 'tidings';
import { Column, DataSource, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { z } from 'zod';

const environment = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set.`);
  return value;
};

const greeting = defineNotification('greeting', {
  version: 1,
  schema: z.object({ from: z.string() }),
  render: ({ from }) => ({ title: `${from} says hello` }),
});

const Public = (): ReturnType<typeof SetMetadata> => SetMetadata('public', true);

/** Sessions of the host; one may be ended while its stream is open. */
const sessions = new Map([['cookie-of-ada', 'ada']]);

@Injectable()
class SessionGuard implements CanActivate {
  constructor(private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const isPublic = this.reflector.getAllAndOverride<boolean | undefined>('public', [
      context.getHandler(),
      context.getClass(),
    ]);
    if (isPublic) return true;
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    if (!sessions.has(headers['x-session'] ?? ''))
      throw new ForbiddenException('the host knows no such session');
    return true;
  }
}

@Injectable()
class Envelope implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(map((data: unknown) => ({ envelope: true, data })));
  }
}

@Injectable()
class TimeLimit implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(timeout(700));
  }
}

@Catch()
class HostFilter implements ExceptionFilter {
  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(error: unknown, context: ArgumentsHost): void {
    const status = (error as { getStatus?(): number }).getStatus?.() ?? 500;
    const response = context.switchToHttp().getResponse<unknown>();
    this.adapterHost.httpAdapter.reply(response, { hosts: true, status }, status);
  }
}

class NewThing {
  @IsString()
  name!: string;
}

class Thing extends NewThing {
  @Exclude()
  secret = 'hidden';
}

@Entity()
class HostThing {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  name!: string;
}

@Controller('things')
class ThingsController {
  constructor(private readonly tidings: TidingsService) {}

  @Get()
  things(): Thing {
    return Object.assign(new Thing(), { name: 'one' });
  }

  @Post('greet')
  async greet(@Body() thing: NewThing): Promise<unknown> {
    return this.tidings.notify(greeting, { to: 'ada', data: { from: thing.name } });
  }

  @Post('log-out')
  logOut(): object {
    sessions.delete('cookie-of-ada');
    return {};
  }
}

const pool = new pg.Pool({ connectionString: environment('DATABASE_URL'), max: 3 });
pool.on('error', () => {});
const ownGuard = process.env.CREDENTIAL === 'guard';

@Module({
  imports: [
    ThrottlerModule.forRoot([{ ttl: 60_000, limit: 1_000 }]),
    TidingsModule.forRootAsync({
      controllers: ownGuard ? { path: 'feed' } : { path: 'feed', decorators: [Public(), Throttle({})] },
      useFactory: () => ({
        database: { pool, schema: environment('SCHEMA') },
        types: [...SHIPPED_TYPES, greeting],
        stream: { retryMs: 100 },
        queue: { name: 'hosts-tidings' },
        http: ownGuard
          ? {
              revalidateMs: 100,
              identify: (request: unknown): Identity | null => {
                const { headers } = request as { headers: Record<string, string> };
                const recipient = sessions.get(headers['x-session'] ?? '');
                return recipient === undefined ? null : { recipient };
              },
            }
          : { jwt: { secret: environment('JWT_SECRET') } },
      }),
    }),
  ],
  controllers: [ThingsController],
  providers: [
    { provide: APP_GUARD, useClass: SessionGuard },
    { provide: APP_GUARD, useClass: ThrottlerGuard },
    { provide: APP_INTERCEPTOR, useClass: Envelope },
    { provide: APP_INTERCEPTOR, useClass: TimeLimit },
    { provide: APP_INTERCEPTOR, useClass: ClassSerializerInterceptor },
    { provide: APP_FILTER, useClass: HostFilter },
  ],
})
class AppModule {}

/** What a host's own tools find in its database beside us: nothing. */
async function ownTables(): Promise<object> {
  const dataSource = await new DataSource({
    type: 'postgres',
    url: environment('DATABASE_URL'),
    entities: [HostThing],
    synchronize: true,
  }).initialize();
  const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
  const entities = dataSource.entityMetadatas.map(({ name }) => name);
  await dataSource.destroy();
  return { entities, migration: upQueries.map(({ query }) => query) };
}

/** The host's own queue, on its own BullMQ, with a Redis of its own if there is one. */
async function ownQueue(): Promise<object | null> {
  if (!process.env.REDIS_URL) return null;
  const connection = { url: process.env.REDIS_URL };
  const queue = new Queue('hosts-own', { connection });
  const worker = new Worker('hosts-own', (job) => Promise.resolve({ took: job.data as unknown }), {
    connection,
  });
  const done = new Promise<unknown>((resolve) => worker.once('completed', (job) => resolve(job.returnvalue)));
  await queue.add('mail', { to: 'ada' });
  const result = await done;
  await worker.close();
  await queue.close();
  return { result };
}

async function main(): Promise<void> {
  const options = {
    logger: ['error', 'warn', 'fatal'] as ('error' | 'warn' | 'fatal')[],
    abortOnError: false,
  };
  const app: INestApplication =
    process.env.ADAPTER === 'fastify'
      ? await NestFactory.create(AppModule, new FastifyAdapter(), options)
      : await NestFactory.create(AppModule, options);
  if (process.env.ADAPTER !== 'fastify') app.use(compression({ threshold: 0 }));
  app.setGlobalPrefix('api');
  app.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
  app.enableCors({ origin: 'https://page.example', credentials: true });
  app.useGlobalPipes(new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }));
  await app.listen(0, '127.0.0.1');

  const report = {
    node: process.version,
    port: new URL(await app.getUrl()).port,
    tables: await ownTables(),
    queue: await ownQueue(),
  };
  process.stdout.write(`${JSON.stringify(report)}\n`);

  process.once('SIGTERM', () => {
    void (async () => {
      // No forceCloseConnections and no shutdown hooks: what a host may forget.
      await app.close();
      const alive = await pool.query<{ one: number }>('SELECT 1 AS one');
      await pool.end();
      process.stdout.write(`${JSON.stringify({ closed: true, pool: alive.rows[0] })}\n`);
    })();
  });
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
