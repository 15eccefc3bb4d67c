import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { findTool } from '../support/find-tool.js';
import { freePort } from '../support/ports.js';
import { testDirectory } from '../support/test-root.js';

/** The smallest Redis Cluster: one node that holds all slots. */
export async function startRedisCluster(): Promise<{ port: number; stop(): Promise<void> }> {
  const program = findTool('redis-server');
  if (program === null) throw new Error('redis-server is not installed');
  const port = await freePort();
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', testDirectory('redis-cluster')];
  // A node that is alone does not know its own address, and ioredis leaves out a node without one.
  const clustered = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'];
  const child = spawn(program, [...settings, '--save', '', ...clustered], { stdio: 'ignore' });
  const exited = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 50 });
  client.on('error', () => {}); // until it listens
  try {
    await client.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await eventually(async () => String(await client.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  } catch (error) {
    await stop();
    throw error;
  } finally {
    client.disconnect();
  }
  return { port, stop };
}
