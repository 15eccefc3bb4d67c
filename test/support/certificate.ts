import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from './find-tool.js';
import { testDirectory } from './test-root.js';

/** A certificate for 127.0.0.1 that it has signed itself. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  /** Both, as HAProxy wants them. */
  readonly bundleFile: string;
  /** For the client that is to trust it. */
  readonly pem: string;
}

export function makeCertificate(): Certificate {
  const openssl = findTool('openssl');
  if (openssl === null) throw new Error('openssl is not installed: guard the suite with describeWith().');
  const directory = testDirectory('certificate');
  const [certFile, keyFile, bundleFile] = ['cert.pem', 'key.pem', 'bundle.pem'].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  const { status, stderr } = spawnSync(
    openssl,
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1'],
      ...['-keyout', keyFile, '-out', certFile],
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`openssl failed:\n${stderr}`);
  const pem = readFileSync(certFile, 'utf8');
  writeFileSync(bundleFile, pem + readFileSync(keyFile, 'utf8'));
  // A proxy that was started as root reads them as another user.
  for (const file of [keyFile, bundleFile]) chmodSync(file, 0o644);
  return { certFile, keyFile, bundleFile, pem };
}
