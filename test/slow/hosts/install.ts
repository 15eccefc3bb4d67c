import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const PACKAGE = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const {
  dependencies,
  devDependencies,
  version: packed,
} = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  version: string;
};

/** What every host has, in the versions that this repository has. */
const COMMON = {
  'class-transformer': '0.5.1',
  'class-validator': '0.14.4',
  compression: '1.8.2',
  '@nestjs/throttler': '6.7.1',
  '@types/compression': '1.8.1',
  ...own('@types/node', '@types/pg', 'reflect-metadata', 'rxjs', 'pg', 'typeorm', 'zod'),
};

/** A Nest of each major that we support, as its users have it: 11 in CommonJS with BullMQ 5, 12 in ES modules with BullMQ 6. */
export const HOSTS = {
  'Nest 11 (CommonJS)': {
    type: 'commonjs',
    dependencies: { ...nest('11.2.10', '11.2.8'), ...COMMON, bullmq: '5.81.5' },
  },
  'Nest 12 (ES modules)': {
    type: 'module',
    dependencies: { ...nest('12.5.1', '12.5.0'), ...COMMON, ...own('bullmq') },
  },
} as const;

/** A directory outside of the repository, so that nothing is found there that a user would not have. */
export function outside(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'tidings-hosts-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Packs the built package as it would be published. Under CI it was built just before; else it is built now. */
export function pack(directory: string): string {
  if (process.env.CI !== 'true') run(PACKAGE, 'npm', 'run', 'build');
  run(PACKAGE, 'npm', 'pack', '--ignore-scripts', '--pack-destination', directory);
  return join(directory, `tidings-${packed}.tgz`);
}

/** Installs the tarball and these packages into a new directory. */
export function install(
  directory: string,
  tarball: string,
  project: { type: string; dependencies: Readonly<Record<string, string>> },
): void {
  mkdirSync(directory, { recursive: true });
  const dependencies = { ...project.dependencies, tidings: `file:${tarball}` };
  writeFileSync(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'host', private: true, type: project.type, dependencies }),
  );
  // Scripts are off: nothing that is installed with us may need one.
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--no-package-lock'];
  run(directory, 'npm', 'install', ...flags);
}

/** Copies sources into it and compiles them with its own types. Throws what the compiler says. */
export function compile(directory: string, from: string): void {
  for (const file of readdirSync(from)) {
    if (file !== 'package.json') copyFileSync(join(from, file), join(directory, file));
  }
  const compilerOptions = {
    target: 'ES2023',
    module: 'NodeNext',
    strict: true,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    esModuleInterop: true,
    skipLibCheck: true,
    types: ['node'],
    rootDir: '.',
    outDir: 'dist',
  };
  writeFileSync(
    join(directory, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, include: ['*.ts'], exclude: ['dist'] }),
  );
  run(directory, process.execPath, join(PACKAGE, 'node_modules/typescript/bin/tsc'), '-p', '.');
}

/** Runs a program to its end. Throws its output if it fails. */
export function run(cwd: string, command: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    // Jest's, which tests may have added to; and nothing that hangs hangs the run.
    env: process.env,
    timeout: 240_000,
  });
  if (status === 0) return stdout;
  throw error ?? new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`);
}

function nest(version: string, fastify: string): Record<string, string> {
  const names = ['common', 'core', 'platform-express'];
  return {
    ...Object.fromEntries(names.map((name) => [`@nestjs/${name}`, version])),
    '@nestjs/platform-fastify': fastify,
  };
}

function own(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, (devDependencies[name] ?? dependencies[name])!]));
}
