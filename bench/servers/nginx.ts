import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../src/embedded-postgres/ports.js';

const CONFIG = fileURLToPath(new URL('../../deploy/nginx.conf', import.meta.url));
const START_MS = 10_000;

/** nginx with the configuration that we ship. */
export interface Nginx {
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** In front of these ports. All clients of a benchmark have one address, so that the limits by address are raised. */
export async function startNginx(ports: readonly number[]): Promise<Nginx> {
  const directory = await mkdtemp(join(tmpdir(), 'tidings-bench-nginx-'));
  const [port, operatorsPort] = [await freePort(), await freePort()];
  const servers = ports.map((behind) => `server 127.0.0.1:${behind} max_fails=0;`).join(' ');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((what) => `${what}_temp_path ${join(directory, what)};`)
    .join(' ');
  let config = await readFile(CONFIG, 'utf8');
  for (const [from, to] of [
    ['listen 8080;', `listen 127.0.0.1:${port} backlog=4096;`],
    ['listen 8081;', `listen 127.0.0.1:${operatorsPort};`],
    ['http {', `http {\n  ${temporary}\n  upstream tidings { ${servers} }`],
    ['default http://api:3000;', 'default http://tidings;'],
    ['access_log /dev/stdout tidings;', 'access_log off;'],
    ['rate=100r/s', 'rate=100000r/s'],
    ['rate=1000r/s', 'rate=100000r/s'],
    ['limit_conn connections 2000;', 'limit_conn connections 60000;'],
  ] as const) {
    if (config.split(from).length !== 2) throw new Error(`${from} must be in ${CONFIG} exactly once`);
    config = config.replace(from, to);
  }
  const file = join(directory, 'nginx.conf');
  await writeFile(file, config);
  const directives = `daemon off; pid ${join(directory, 'pid')}; error_log stderr;`;
  const log = join(directory, 'log');
  // No pipes: nginx opens /dev/stderr by its name, which sockets do not allow.
  const output = await open(log, 'a');
  const child = spawn('nginx', ['-e', 'stderr', '-p', directory, '-c', file, '-g', directives], {
    env: { PATH: `${process.env['PATH']}:/usr/sbin:/usr/local/sbin` },
    stdio: ['ignore', output.fd, output.fd],
  });
  await output.close();
  const exited = once(child, 'exit');
  for (const deadline = Date.now() + START_MS; !(await accepts(port)); await delay(50)) {
    if (child.exitCode === null && Date.now() < deadline) continue;
    throw new Error(`nginx does not start:\n${await readFile(log, 'utf8')}`);
  }
  return {
    port,
    pid: child.pid ?? 0,
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
