import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { TidingsOptions } from '../contract/options/options.js';
import { TidingsModule } from '../module/tidings.module.js';

/** Runs a function with the module, as an application without HTTP, and closes the module afterwards. */
export async function withModule<T>(
  options: TidingsOptions,
  use: (app: INestApplicationContext) => Promise<T>,
): Promise<T> {
  const app = await NestFactory.createApplicationContext(
    TidingsModule.forRoot({ ...options, controllers: false }),
    { logger: ['error', 'fatal'], abortOnError: false },
  );
  try {
    return await use(app);
  } finally {
    await app.close();
  }
}
