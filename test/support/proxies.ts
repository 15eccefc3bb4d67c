import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Certificate } from './certificate.js';
import { eventually } from './eventually.js';
import { findTool, type Tool } from './find-tool.js';
import { startNginx } from './nginx.js';
import { freePort } from './ports.js';
import { testDirectory } from './test-root.js';

const DOCUMENT = fileURLToPath(new URL('../../docs/operations.md', import.meta.url));

/** A reverse proxy with TLS and HTTP/2 in front of one instance of the service. */
export interface ReverseProxy {
  readonly origin: string;
  stop(): Promise<void>;
}

interface Place {
  /** `host:port` of the instance. */
  readonly upstream: string;
  readonly certificate: Certificate;
  readonly idleSeconds: number;
}

/** With the configuration that we ship. */
export function nginx({ upstream, certificate, idleSeconds }: Place): Promise<ReverseProxy> {
  const changes = {
    'worker_processes auto': 'worker_processes 1',
    'http://api:3000': `http://${upstream}`,
    'proxy_read_timeout 60s': `proxy_read_timeout ${idleSeconds}s`,
  };
  return startNginx(changes, certificate);
}

/** With the configuration in docs/operations.md. */
export function haproxy({ upstream, certificate, idleSeconds }: Place): Promise<ReverseProxy> {
  return start('haproxy', (port) => ({
    changes: {
      'timeout client 60s': `timeout client ${idleSeconds}s`,
      'timeout server 60s': `timeout server ${idleSeconds}s`,
      ':443': `127.0.0.1:${port}`,
      '/etc/haproxy/app.pem': certificate.bundleFile,
      'api:3000': upstream,
    },
    args: (file) => ['-db', '-f', file],
  }));
}

/** With the configuration in docs/operations.md. */
export function caddy({ upstream, certificate }: Place): Promise<ReverseProxy> {
  return start('caddy', (port) => ({
    changes: {
      'app.example.com {': `{
  admin off
  auto_https disable_redirects
}
https://127.0.0.1:${port} {
  tls ${certificate.certFile} ${certificate.keyFile}`,
      'api:3000': upstream,
    },
    args: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
  }));
}

interface Recipe {
  /** Each text must be in the documented configuration exactly once. */
  readonly changes: Readonly<Record<string, string>>;
  readonly args: (file: string) => string[];
}

async function start(tool: Tool, recipe: (port: number) => Recipe): Promise<ReverseProxy> {
  const program = findTool(tool);
  if (program === null) throw new Error(`${tool} is not installed: guard the suite with describeWith().`);
  const directory = testDirectory(tool);
  const port = await freePort();
  const { changes, args } = recipe(port);
  let config = documented(tool);
  for (const [from, to] of Object.entries(changes)) {
    if (config.split(from).length !== 2) throw new Error(`${from} must be in ${DOCUMENT} exactly once`);
    config = config.replace(from, to);
  }
  const file = join(directory, 'config');
  writeFileSync(file, config);
  const log = join(directory, 'log');
  const output = openSync(log, 'a');
  const child = spawn(program, args(file), {
    stdio: ['ignore', output, output],
    env: { PATH: process.env.PATH, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
  });
  closeSync(output);
  const exited = once(child, 'exit');
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`${tool} ended:\n${readFileSync(log, 'utf8')}`);
      await accepts(port);
    },
    { timeoutMs: 30_000 },
  );
  return {
    origin: `https://127.0.0.1:${port}`,
    stop: async () => {
      // At once: some wait for their connections when they are asked to end.
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The block of this language. */
function documented(language: string): string {
  const [, block] = readFileSync(DOCUMENT, 'utf8').split(`\`\`\`${language}\n`);
  if (block === undefined) throw new Error(`${DOCUMENT} has no block of ${language}`);
  return block.slice(0, block.indexOf('```'));
}

function accepts(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
