import { createRequire } from 'node:module';

/** What the service needs besides the dependencies of the package: what a host brings, and what an importer never needs. */
const PACKAGES = [
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/platform-express',
  '@opentelemetry/api',
  'express',
  'helmet',
  'pino',
  'prom-client',
  'reflect-metadata',
  'rxjs',
  'swagger-ui-dist',
  'yaml',
] as const;

/** Those that are not installed. The embedded Postgres has an error of its own, since a `DATABASE_URL` replaces it. */
export function missingPackages(names: readonly string[] = PACKAGES): readonly string[] {
  const require = createRequire(import.meta.url);
  return names.filter((name) => {
    // The folder counts: an entry point may be one that `require` does not take.
    const folders = require.resolve.paths(name) ?? [];
    return !folders.some((folder) => isThere(require, `${folder}/${name}/package.json`));
  });
}

function isThere(require: NodeJS.Require, path: string): boolean {
  try {
    return require.resolve(path) !== '';
  } catch {
    return false;
  }
}
