import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NestFactory } from '@nestjs/core';
import type { TidingsOptions } from '../../src/contract/options/options.js';
import { TidingsModule } from '../../src/module/tidings.module.js';
import { announcement } from '../../src/types/shipped/index.js';
import { createMigratedDatabase, type TestDatabase } from '../support/postgres.js';

describe('the options of a process that delivers directly', () => {
  let database: TestDatabase;
  const full = {
    resolveLocales: () => [],
    hooks: { onAppended: () => {} },
    escalations: [{ name: 'mail', afterMs: 60_000, handler: () => {} }],
  };

  beforeAll(async () => {
    database = await createMigratedDatabase();
    await warningsOf({ roles: ['worker'], ...full });
  });
  afterAll(() => database.drop());

  /** Starts a process and stops it. */
  async function warningsOf(options: Partial<TidingsOptions>): Promise<string[]> {
    const warnings: string[] = [];
    const ignore = (): void => {};
    const logger = { log: ignore, error: ignore, warn: (message: string) => warnings.push(message) };
    const app = await NestFactory.createApplicationContext(
      TidingsModule.forRoot({
        database: { url: database.url },
        types: [announcement],
        roles: [],
        controllers: false,
        ...options,
      }),
      { logger, abortOnError: false },
    );
    await app.close();
    return warnings.filter((message) => message.includes('The workers have'));
  }

  it('are warned of where they lack what the workers have', async () => {
    expect(await warningsOf({ resolveLocales: full.resolveLocales })).toEqual([
      'The workers have hooks.onAppended, the escalation "mail", and this process has not: what it delivers directly goes without. ' +
        "Pass the same options here, or delivery: 'queue' (TIDINGS_DELIVERY=queue).",
    ]);
  });

  it('are not warned of where they are the same, or where everything goes over the queue', async () => {
    expect(await warningsOf(full)).toEqual([]);
    expect(await warningsOf({ delivery: 'queue' })).toEqual([]);
  });
});
