import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs that some suites need and npm does not bring. */
export type Tool =
  | 'redis-server'
  | 'chromium'
  | 'firefox-esr'
  | 'WebKitWebDriver'
  | 'Xvfb'
  | 'nginx'
  | 'haproxy'
  | 'caddy'
  | 'openssl'
  | 'pgbouncer';

/** For each program the Debian package that has it. */
export const DEBIAN_PACKAGES: Readonly<Record<Tool, string>> = {
  'redis-server': 'redis-server',
  chromium: 'chromium',
  'firefox-esr': 'firefox-esr',
  WebKitWebDriver: 'webkit2gtk-driver',
  Xvfb: 'xvfb',
  nginx: 'nginx-light',
  haproxy: 'haproxy',
  caddy: 'caddy',
  openssl: 'openssl',
  pgbouncer: 'pgbouncer',
};

/** Other names of the same program on other systems. */
const ALIASES: Partial<Record<Tool, readonly string[]>> = {
  chromium: ['chromium-browser', 'google-chrome-stable', 'google-chrome'],
  'firefox-esr': ['firefox'],
};

/** The path of a program, or `null`. `sbin` counts, too: an ordinary user's PATH lacks it on Debian. */
export function findTool(tool: Tool): string | null {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  for (const name of [tool, ...(ALIASES[tool] ?? [])]) {
    for (const directory of directories) {
      const file = join(directory, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // not here
      }
    }
  }
  return null;
}
