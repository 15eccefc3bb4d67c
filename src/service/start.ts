import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { Logger } from '@nestjs/common';
import { InvalidSettingsError } from '../contract/errors.js';
import type { AnyNotificationType } from '../contract/model/notification-type.js';
import type { TidingsOptions } from '../contract/options/options.js';
import { banner } from './banner.js';
import { DEMO_USERS } from './demo/demo.controller.js';
import { developmentCredentials, mintToken, type DevelopmentCredentials } from './development-credentials.js';
import { startEmbeddedPostgres } from '../embedded-postgres/embedded-postgres.js';
import type { Life } from './lifecycle.js';
import { ServiceLogger } from './service-logger.js';
import { readSettings, type Environment, type Settings } from './settings/settings.js';
import { toOptions } from './settings/to-options.js';
import { loadTypes } from './types-loader.js';

/** Long enough to try things for a week, short enough not to become a habit. */
const TOKEN_LIFETIME_SECONDS = 7 * 24 * 3_600;

/** The parts of the application. */
export interface ServicePlan {
  readonly settings: Settings;
  readonly options: TidingsOptions;
  /** Only with {@link Settings.development}; the demo page is then mounted. */
  readonly credentials: DevelopmentCredentials | null;
}

/** The functions that the import rule keeps out of this file, passed in by the application. */
export interface Composition {
  readonly shippedTypes: readonly AnyNotificationType[];
  /**
   * Resolves with the origin once the service listens. Registers everything it opens at once, in case the
   * rest fails.
   */
  open(plan: ServicePlan, life: Life): Promise<string>;
}

/**
 * Starts the service, step by step.
 *
 * @throws {InvalidSettingsError} or another error with a message for the operator.
 */
export async function startService(life: Life, composition: Composition, env: Environment): Promise<void> {
  const settings = readSettings(env);
  Logger.overrideLogger(new ServiceLogger(settings, { terminal: process.stdout.isTTY }));
  const logger = new Logger('Service');
  for (const warning of settings.warnings) logger.warn(warning);

  // Before anything is started: a second `npm start` must not touch the database of the first.
  for (const place of placesOf(settings)) await assertPortFree(place);
  const types = await allTypes(settings, composition.shippedTypes);
  const credentials = settings.development ? await developmentCredentials(settings.dataDir) : null;
  if (life.ending) return;

  const databaseUrl = settings.options.database?.url ?? (await startDatabase(settings, life));
  if (life.ending) return;

  const options = toOptions(settings, { databaseUrl, credentials, types });
  const version = packageVersion();
  const origin = await composition.open({ settings, options, credentials }, life).catch((error: unknown) => {
    const { port } = error as { readonly port?: number };
    const places = placesOf(settings);
    throw listenProblem(places.find((place) => place.port === port) ?? places[0]!, error) ?? error;
  });
  if (life.ending) return;

  const development = credentials && {
    token: await mintToken(credentials.jwtSecret, DEMO_USERS[0], TOKEN_LIFETIME_SECONDS),
    producerApiKey: credentials.producerApiKey,
  };
  const text = banner({ settings, version, origin, development });
  if (settings.production) logger.log(text);
  else process.stdout.write(`\n${text}\n\n`);
}

async function allTypes(
  settings: Settings,
  shipped: readonly AnyNotificationType[],
): Promise<AnyNotificationType[]> {
  if (settings.typesFile === undefined) return [...shipped];
  const names = shipped.map((type) => type.name);
  return [...shipped, ...(await loadTypes(settings.typesFile, names))];
}

async function startDatabase({ dataDir }: Settings, life: Life): Promise<string> {
  const logger = new Logger('Postgres');
  logger.log(`Starting the embedded Postgres in ${dataDir}; the first time this takes a few seconds.`);
  const postgres = await startEmbeddedPostgres({ dataDir, logger });
  life.onStop('Postgres', () => postgres.stop());
  return postgres.url;
}

/** Where the service listens, and the variable to change if it cannot. */
interface Place {
  readonly variable: 'PORT' | 'TIDINGS_ADMIN_PORT';
  readonly port: number;
  readonly host: string;
}

function placesOf({ port, adminPort, host }: Settings): Place[] {
  const places: Place[] = [{ variable: 'PORT', port, host }];
  if (adminPort !== null && adminPort !== port) {
    places.push({ variable: 'TIDINGS_ADMIN_PORT', port: adminPort, host });
  }
  return places;
}

/** @throws {InvalidSettingsError} if the port is not available. */
async function assertPortFree(place: Place): Promise<void> {
  const probe = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      probe.once('error', reject).listen(place.port, place.host, resolve);
    });
  } catch (error) {
    throw listenProblem(place, error) ?? error;
  }
  await new Promise((resolve) => probe.close(resolve));
}

/** The problem of the port or of `HOST`, if it is why listening failed. */
function listenProblem({ variable, host, port }: Place, error: unknown): InvalidSettingsError | null {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== 'listen' && syscall !== 'getaddrinfo') return null;
  const wrong = (field: string, problem: string): InvalidSettingsError =>
    new InvalidSettingsError([{ field, problem }]);
  if (code === 'EADDRINUSE') {
    return wrong(
      variable,
      `${port} is taken on ${host} by another program; take another, such as ${variable}=${port + 1}`,
    );
  }
  if (code === 'EACCES') {
    return wrong(
      variable,
      `${port} is not allowed for this user; take one above 1023, such as ${variable}=3000`,
    );
  }
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
    return wrong(
      'HOST',
      `${JSON.stringify(host)} is no address of this machine; 0.0.0.0 stands for all it has`,
    );
  }
  return null;
}

function packageVersion(): string {
  const require = createRequire(import.meta.url);
  return (require('../../package.json') as { version: string }).version;
}
