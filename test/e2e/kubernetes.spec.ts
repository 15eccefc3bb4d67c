import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { readSettings } from '../../src/service/settings/settings.js';
import { VARIABLES } from '../../src/service/settings/variables.js';

const PACKAGE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const DIRECTORY = join(PACKAGE, 'deploy/kubernetes');
const require = createRequire(import.meta.url);
// Of jest's own: no dependency for one test.
const yaml = require('js-yaml') as { loadAll(text: string): unknown[]; load(text: string): unknown };

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels?: Record<string, string> };
  readonly data?: Record<string, string>;
  readonly stringData?: Record<string, string>;
  readonly spec: Spec;
}
interface Spec {
  readonly selector?: { readonly matchLabels?: Record<string, string> } & Record<string, unknown>;
  readonly scaleTargetRef?: { readonly name: string };
  readonly metrics?: { readonly pods?: { readonly metric: { readonly name: string } } }[];
  readonly ports?: { readonly port: number; readonly targetPort: string }[];
  readonly endpoints?: { readonly port: string }[];
  readonly jobLabel?: string;
  readonly template: {
    readonly metadata: { readonly labels: Record<string, string> };
    readonly spec: {
      readonly terminationGracePeriodSeconds: number;
      readonly containers: readonly Container[];
    };
  };
}
interface Container {
  readonly env: { readonly name: string; readonly value: string }[];
  readonly ports: { readonly name: string; readonly containerPort: number }[];
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: string[] } } };
  readonly [probe: `${string}Probe`]: { readonly httpGet: { readonly path: string; readonly port: string } };
}

const manifests = readdirSync(DIRECTORY)
  .filter((file) => file.endsWith('.yaml'))
  .flatMap((file) => yaml.loadAll(readFileSync(join(DIRECTORY, file), 'utf8')) as Manifest[]);
const of = (kind: string): Manifest[] => manifests.filter((one) => one.kind === kind);
const named = (kind: string, name: string): Manifest =>
  of(kind).find(({ metadata }) => metadata.name === name)!;
const settings = { ...named('ConfigMap', 'tidings').data, ...named('Secret', 'tidings').stringData };

/** Validates against the schemas of Kubernetes and of the Prometheus operator. */
function validate(manifest: Manifest): void {
  const { apiVersion, kind } = manifest;
  const isOperators = apiVersion.startsWith('monitoring.coreos.com/');
  const models = require(
    `${isOperators ? '@kubernetes-models/prometheus-operator' : 'kubernetes-models'}/${apiVersion}`,
  ) as Record<string, new (data: object) => { validate(): void }>;
  new models[kind]!(manifest).validate();
}

describe('the manifests of deploy/kubernetes', () => {
  it.each(manifests.map((one) => [`${one.kind} ${one.metadata.name}`, one] as const))(
    'are valid: %s',
    (_, manifest) => validate(manifest),
  );

  it('would not be valid with a mistake', () => {
    const api = named('Deployment', 'tidings-api');
    expect(() => validate({ ...api, spec: { ...api.spec, replicas: 'two' } as unknown as Spec })).toThrow();
  });

  it('give each role settings that the service takes in production', () => {
    expect(Object.keys(settings).filter((name) => !(name in VARIABLES))).toEqual([]);
    for (const { metadata, spec } of of('Deployment')) {
      const [container] = spec.template.spec.containers;
      const own = Object.fromEntries(container!.env.map(({ name, value }) => [name, value]));
      const read = readSettings({ NODE_ENV: 'production', ...settings, ...own });
      expect([metadata.name, read.warnings]).toEqual([`tidings-${read.roles.join()}`, []]);
      expect(container!.ports).toEqual([
        { name: 'http', containerPort: read.port },
        { name: 'admin', containerPort: read.adminPort },
      ]);
      for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe'] as const) {
        const path = probe === 'readinessProbe' ? '/readyz' : '/healthz';
        expect(container![probe]).toMatchObject({ httpGet: { path, port: 'http' } });
      }
    }
  });

  it('select pods that there are', () => {
    const pods = of('Deployment').map(({ spec }) => spec.template.metadata.labels);
    for (const { kind, spec } of manifests) {
      const labels = (spec?.selector?.matchLabels ?? spec?.selector) as Record<string, string> | undefined;
      if (!labels || kind === 'ServiceMonitor') continue;
      const matching = pods.filter((pod) =>
        Object.entries(labels).every(([name, value]) => pod[name] === value),
      );
      expect([kind, matching.length > 0]).toEqual([kind, true]);
    }
    const [monitor] = of('ServiceMonitor');
    const admin = named('Service', 'tidings-admin');
    expect(admin.metadata.labels).toEqual(monitor!.spec.selector!.matchLabels);
    expect(admin.metadata.labels![monitor!.spec.jobLabel!]).toBe('tidings');
    const [scaler] = of('HorizontalPodAutoscaler');
    expect(of('Deployment').map(({ metadata }) => metadata.name)).toContain(
      scaler!.spec.scaleTargetRef!.name,
    );
    expect(scaler!.spec.metrics![0]!.pods!.metric.name).toBe('tidings_streams_open');
  });

  it('leave a pod time to drain: its endpoints, and the 5 s in which it ends', () => {
    const { spec } = named('Deployment', 'tidings-api').spec.template;
    const [, seconds] = spec.containers[0]!.lifecycle!.preStop.exec.command;
    expect(spec.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(Number(seconds) + 10);
  });
});
