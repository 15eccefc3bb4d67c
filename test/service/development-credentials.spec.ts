import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { jwtVerify } from 'jose';
import { developmentCredentials, mintToken } from '../../src/service/development-credentials.js';

const FILE = 'development-credentials.json';
let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-credentials-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('development credentials', () => {
  it('are created once and kept, readable by their owner alone', async () => {
    const dataDir = join(folder, 'a', 'b');
    const first = await developmentCredentials(dataDir);
    expect(Buffer.byteLength(first.jwtSecret)).toBeGreaterThanOrEqual(32);
    expect(await developmentCredentials(dataDir)).toEqual(first);
    expect((await stat(join(dataDir, FILE))).mode & 0o777).toBe(0o600);
    expect(await readdir(dataDir)).toEqual([FILE]);
  });

  it('differ from one data directory to the next', async () => {
    const one = await developmentCredentials(join(folder, 'one'));
    const two = await developmentCredentials(join(folder, 'two'));
    expect(two.jwtSecret).not.toBe(one.jwtSecret);
    expect(two.producerApiKey).not.toBe(one.producerApiKey);
  });

  it('are the same for all processes that start at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => developmentCredentials(folder)));
    expect(new Set(all.map(({ jwtSecret }) => jwtSecret)).size).toBe(1);
    expect(await readdir(folder)).toEqual([FILE]);
  });

  it('are made private again when a copy has made them readable', async () => {
    await developmentCredentials(folder);
    await chmod(join(folder, FILE), 0o644);
    await developmentCredentials(folder);
    expect((await stat(join(folder, FILE))).mode & 0o777).toBe(0o600);
  });

  it.each(['', '{', '{"jwtSecret":"short","producerApiKey":"x"}'])(
    'are not replaced when the file holds %j: the error names the fix',
    async (content) => {
      await writeFile(join(folder, FILE), content);
      await expect(developmentCredentials(folder)).rejects.toThrow(
        `(${join(folder, FILE)}): its content is not ours. Delete the file to get new ones`,
      );
    },
  );

  it('sign tokens for one recipient and a limited time', async () => {
    const { jwtSecret } = await developmentCredentials(folder);
    const key = new TextEncoder().encode(jwtSecret);
    const { payload, protectedHeader } = await jwtVerify(await mintToken(jwtSecret, 'ada', 3_600), key);
    expect(protectedHeader.alg).toBe('HS256');
    expect(payload.sub).toBe('ada');
    expect(payload.exp! - payload.iat!).toBe(3_600);
  });
});
