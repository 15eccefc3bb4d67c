import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.js';
import { findTool } from './find-tool.js';
import { freePort } from './ports.js';
import type { Certificate } from './certificate.js';
import { testDirectory } from './test-root.js';

const CONFIG = fileURLToPath(new URL('../../deploy/nginx.conf', import.meta.url));

/** nginx with the configuration that we ship, on a loopback port. */
export interface Nginx {
  readonly origin: string;
  /** Of the support team and administrators. */
  readonly operatorsOrigin: string;
  /** What it has logged. */
  log(): string;
  stop(): Promise<void>;
}

/**
 * Starts nginx with `deploy/nginx.conf`, changed in nothing but the given texts, its port and its directories. Each text must be in
 * the file exactly once. With a certificate it speaks TLS and HTTP/2.
 */
export async function startNginx(
  changes: Readonly<Record<string, string>>,
  certificate: Certificate | null = null,
): Promise<Nginx> {
  const program = findTool('nginx');
  if (program === null) throw new Error('nginx is not installed: guard the suite with describeWith().');
  const directory = testDirectory('nginx');
  const port = await freePort();
  const operatorsPort = await freePort();
  const log = join(directory, 'log');
  let config = readFileSync(CONFIG, 'utf8');
  const tls =
    certificate &&
    ` ssl http2;\n    ssl_certificate ${certificate.certFile};\n    ssl_certificate_key ${certificate.keyFile}`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((what) => `${what}_temp_path ${join(directory, what)};`)
    .join('\n  ');
  for (const [from, to] of Object.entries({
    'listen 8080;': `listen 127.0.0.1:${port}${tls ?? ''};`,
    'listen 8081;': `listen 127.0.0.1:${operatorsPort};`,
    'http {': `http {\n  ${temporary}`,
    ...changes,
  })) {
    if (config.split(from).length !== 2) throw new Error(`${from} must be in ${CONFIG} exactly once`);
    config = config.replace(from, to);
  }
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, config);

  const output = openSync(log, 'a');
  const directives = `daemon off; pid ${join(directory, 'pid')}; error_log stderr;`;
  const child = spawn(program, ['-e', 'stderr', '-p', directory, '-c', file, '-g', directives], {
    // No pipes: nginx opens /dev/stdout by its name, which sockets do not allow.
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const exited = once(child, 'exit');
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`nginx ended:\n${readFileSync(log, 'utf8')}`);
      await answers(port);
    },
    { timeoutMs: 10_000 },
  );
  return {
    origin: `http${tls ? 's' : ''}://127.0.0.1:${port}`,
    operatorsOrigin: `http://127.0.0.1:${operatorsPort}`,
    log: () => readFileSync(log, 'utf8'),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

function answers(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
