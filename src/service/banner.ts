import { DEMO_USERS } from './demo/demo.controller.js';
import type { Settings } from './settings/settings.js';

/** The contents of the banner. */
export interface BannerFacts {
  readonly settings: Settings;
  readonly version: string;
  /** The origin that it listens on, such as `http://127.0.0.1:3000`. */
  readonly origin: string;
  /** Only with development credentials; no other secret is ever printed. */
  readonly development: { readonly token: string; readonly producerApiKey: string } | null;
}

/** The backends of log, queue and bus. */
export function describeMode({ options, dataDir }: Settings): string {
  const database = options.database === undefined ? `embedded Postgres (data in ${dataDir})` : 'Postgres';
  return options.redis === undefined ? database : `${database} + Redis`;
}

/** The lines for a person who has just started the service: its state, and commands to paste. */
export function banner({ settings, version, origin, development }: BannerFacts): string {
  const lines = [
    `Tidings ${version} listens on ${origin}`,
    `  mode   ${describeMode(settings)}`,
    `  roles  ${settings.roles.join(', ')}`,
  ];
  const api = settings.roles.includes('api');
  if (api && development) {
    const [user] = DEMO_USERS;
    const order = {
      type: 'task-completed',
      to: user,
      data: { taskId: 'export-7', title: 'Export', status: 'succeeded', resultUrl: '/exports/7' },
    };
    lines.push(
      '',
      `Watch the feed of ${user}:`,
      `  curl -N -H 'Authorization: Bearer ${development.token}' ${origin}/v1/stream`,
      '',
      `Publish to ${user}, from another terminal:`,
      `  curl -X POST -H 'X-API-Key: ${development.producerApiKey}' -H 'Content-Type: application/json' -d '${JSON.stringify(order)}' ${origin}/v1/notifications`,
      '',
      `See both in a browser: ${origin}/demo`,
    );
  }
  if (api && !development && settings.options.http?.producerApiKeys === undefined) {
    lines.push(
      '  Without PRODUCER_API_KEYS publishing over HTTP is disabled; jobs on the queue are processed.',
    );
  }
  if (!settings.roles.includes('worker')) {
    lines.push('  Without the role "worker" here, another process must process the jobs.');
  }
  return lines.join('\n');
}
