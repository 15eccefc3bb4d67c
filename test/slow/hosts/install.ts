import { spawn } from 'node:child_process';
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
import { linkPackages } from './linked.js';

export const PACKAGE = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const {
  dependencies,
  devDependencies,
  peerDependencies,
  peerDependenciesMeta,
  version: packed,
} = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional?: boolean }>;
  version: string;
};

/** What every host has, in the versions that this repository has. */
const COMMON = own(
  'class-transformer',
  'class-validator',
  'compression',
  '@nestjs/throttler',
  '@types/compression',
  '@types/node',
  '@types/pg',
  'reflect-metadata',
  'rxjs',
  'pg',
  'typeorm',
  'zod',
);
const NEST = ['common', 'core', 'platform-express', 'platform-fastify'].map((name) => `@nestjs/${name}`);

/** A Nest of each major that we support, as its users have it: 11 in CommonJS with BullMQ 5, 12 in ES modules with BullMQ 6. */
export const HOSTS = {
  'Nest 11 (CommonJS)': {
    type: 'commonjs',
    dependencies: {
      ...Object.fromEntries(NEST.map((name) => [name, '11.2.10'])),
      '@nestjs/platform-fastify': '11.2.8',
      ...COMMON,
      bullmq: '5.81.5',
    },
  },
  'Nest 12 (ES modules)': { type: 'module', dependencies: { ...COMMON, ...own(...NEST, 'bullmq') } },
} as const;

/** A directory outside of the repository, so that nothing is found there that a user would not have. */
export function outside(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'tidings-hosts-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Packs the built package as it would be published. Under CI it was built just before; else it is built now. */
export async function pack(directory: string): Promise<string> {
  if (process.env.CI !== 'true') await run(PACKAGE, 'npm', 'run', 'build');
  await run(PACKAGE, 'npm', 'pack', '--ignore-scripts', '--pack-destination', directory);
  return join(directory, `tidings-${packed}.tgz`);
}

interface Project {
  readonly type: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Installs the tarball and these packages into a new directory, as a user does. */
export async function install(directory: string, tarball: string, project: Project): Promise<void> {
  begin(directory, { ...project, dependencies: { ...project.dependencies, tidings: `file:${tarball}` } });
  // Scripts are off: nothing that is installed with us may need one.
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline', '--no-package-lock'];
  await run(directory, 'npm', 'install', ...flags);
}

/** The same with the packages of this repository, which takes a second. */
export async function installLinked(directory: string, tarball: string, project: Project): Promise<void> {
  begin(directory, project);
  const peers = Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  const others = Object.entries(project.dependencies).filter(([name]) => name !== 'tidings');
  linkPackages(PACKAGE, directory, { ...dependencies, ...own(...peers), ...Object.fromEntries(others) });
  const home = join(directory, 'node_modules', 'tidings');
  mkdirSync(home, { recursive: true });
  await run(home, 'tar', '-xzf', tarball, '--strip-components=1');
}

function begin(directory: string, project: Project): void {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: 'host', private: true, ...project }));
}

/** Copies sources into it and compiles them with its own types. Throws what the compiler says. */
export async function compile(directory: string, from: string): Promise<void> {
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
  await run(directory, process.execPath, join(PACKAGE, 'node_modules/typescript/bin/tsc'), '-p', '.');
}

/** Runs a program to its end. Rejects with its output if it fails. */
export function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  // Jest's environment, which tests may have added to; and nothing that hangs hangs the run.
  const child = spawn(command, args, {
    cwd,
    env: process.env,
    timeout: 240_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) return resolve(stdout);
      reject(new Error(`${command} ${args.join(' ')} failed (${code ?? signal}):\n${stdout}${stderr}`));
    });
  });
}

function own(...names: string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, (devDependencies[name] ?? dependencies[name])!]));
}
