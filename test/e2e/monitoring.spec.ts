import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from '@jest/globals';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { PrometheusMetrics } from '../../src/metrics/prometheus.js';

const PACKAGE = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const read = (file: string): string => readFileSync(join(PACKAGE, file), 'utf8');
// Of jest's own: no dependency for one test.
const yaml = createRequire(import.meta.url)('js-yaml') as { load(text: string): unknown };

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string };
}

interface Panel {
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}

const { groups } = yaml.load(read('deploy/alerts.yml')) as { groups: { name: string; rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read('deploy/grafana.json')) as { panels: Panel[] };
const { scrape_configs: scrapes, rule_files: files } = yaml.load(read('deploy/prometheus.yml')) as {
  rule_files: string[];
  scrape_configs: { job_name: string; dns_sd_configs: { names: string[]; port: number }[] }[];
};
const compose = yaml.load(read('docker-compose.yml')) as {
  services: Record<string, { volumes?: string[]; environment?: Record<string, string> }>;
};

const register = new Registry();
new PrometheusMetrics({ register });
collectDefaultMetrics({ register });
afterAll(() => register.clear());

/** The series of every metric, with the labels that we declare. */
async function series(): Promise<Map<string, readonly string[]>> {
  const all = new Map<string, readonly string[]>([['up', ['job']]]);
  for (const { name, type } of await register.getMetricsAsJSON()) {
    const { labelNames = [] } = register.getSingleMetric(name) as unknown as { labelNames?: string[] };
    const suffixes = String(type) === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    for (const suffix of suffixes)
      all.set(name + suffix, suffix === '_bucket' ? [...labelNames, 'le'] : labelNames);
  }
  return all;
}

/** The metrics of an expression of PromQL, with the labels that it selects by. */
function metricsOf(expr: string): { name: string; labels: string[] }[] {
  const found = [...expr.matchAll(/\b(tidings_\w+|process_\w+|nodejs_\w+|up)\b(?:\{([^}]*)\})?/g)];
  return found.map(([, name, selector = '']) => ({
    name: name!,
    labels: [...selector.matchAll(/(\w+)\s*[=!]/g)].map(([, label]) => label!),
  }));
}

async function expectKnown(where: string, expr: string): Promise<void> {
  const known = await series();
  const metrics = metricsOf(expr);
  expect([where, metrics.length > 0]).toEqual([where, true]);
  for (const { name, labels } of metrics) {
    expect([where, name, known.has(name)]).toEqual([where, name, true]);
    expect([where, labels.filter((label) => !known.get(name)!.includes(label))]).toEqual([where, []]);
  }
}

describe('deploy/alerts.yml', () => {
  it('watches metrics and labels that there are', async () => {
    expect(rules.length).toBeGreaterThan(15);
    for (const { alert, expr } of rules) await expectKnown(alert, expr);
  });

  it('has a name, a severity and a sentence for each alert, and a section in the operations guide', () => {
    const guide = read('docs/operations.md');
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, labels, annotations } of rules) {
      expect(alert).toMatch(/^Tidings[A-Z][A-Za-z]+$/);
      expect(['critical', 'warning', 'info']).toContain(labels.severity);
      expect(annotations.summary).toMatch(/^[A-Z]/);
      expect([alert, guide.includes(`\`${alert}\``)]).toEqual([alert, true]);
    }
    // None in the guide that is not there.
    for (const [, name] of guide.matchAll(/`(Tidings[A-Z]\w+)`/g))
      if (!['TidingsService', 'TidingsModule', 'TidingsAudit'].includes(name!))
        expect(rules.map(({ alert }) => alert)).toContain(name);
  });
});

describe('deploy/grafana.json', () => {
  const panels = dashboard.panels.filter(({ type }) => type !== 'row');

  it('draws metrics that there are, and each of ours at least once', async () => {
    const drawn = new Set<string>();
    for (const { title, targets = [] } of panels) {
      expect([title, targets.length > 0]).toEqual([title, true]);
      for (const { expr } of targets) {
        await expectKnown(title, expr);
        for (const { name } of metricsOf(expr)) drawn.add(name.replace(/_bucket$/, ''));
      }
    }
    const ours = (await register.getMetricsAsJSON())
      .map(({ name }) => name)
      .filter((name) => name.startsWith('tidings_'));
    expect(ours.filter((name) => !drawn.has(name))).toEqual([]);
  });

  it('has no panel on top of another', () => {
    const all = dashboard.panels.map(({ gridPos }) => gridPos);
    for (const [index, one] of all.entries()) {
      expect(one.x + one.w).toBeLessThanOrEqual(24);
      for (const other of all.slice(index + 1)) {
        const apart =
          one.x + one.w <= other.x ||
          other.x + other.w <= one.x ||
          one.y + one.h <= other.y ||
          other.y + other.h <= one.y;
        expect([one, other, apart]).toEqual([one, other, true]);
      }
    }
  });
});

describe('the profile monitoring of docker-compose.yml', () => {
  it('scrapes the admin port of every role, and mounts the files that there are', () => {
    const [{ job_name: job, dns_sd_configs: lookups }] = scrapes as [(typeof scrapes)[0]];
    expect(rules[0]!.expr).toContain(`job="${job}"`);
    for (const name of lookups[0]!.names) {
      expect(compose.services[name]?.environment?.['TIDINGS_ADMIN_PORT']).toBe(String(lookups[0]!.port));
    }
    const mounted = [compose.services['prometheus']!, compose.services['grafana']!].flatMap(
      ({ volumes = [] }) =>
        volumes
          .filter((volume) => volume.startsWith('./'))
          .map((volume) => volume.split(':') as [string, string]),
    );
    expect(mounted).toHaveLength(3);
    for (const [source] of mounted)
      expect([source, existsSync(join(PACKAGE, source))]).toEqual([source, true]);
    expect(mounted.map(([, target]) => target)).toEqual(expect.arrayContaining(files));
  });
});
