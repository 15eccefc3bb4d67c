import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { z } from 'zod';
import { InvalidSettingsError } from '../contract/errors.js';

const FILE = 'development-credentials.json';

const shape = z.object({ jwtSecret: z.string().min(32), producerApiKey: z.string().min(16) });

/** The credentials of a service without `AUTH_*`. It binds 127.0.0.1 only and is rejected in production. */
export type DevelopmentCredentials = z.infer<typeof shape>;

/**
 * The credentials stored in the data directory, so that links and tokens outlive a restart; created (mode
 * 0600) if missing.
 *
 * @throws {InvalidSettingsError} if the directory cannot be created, or the file not read, written or parsed.
 */
export async function developmentCredentials(dataDir: string): Promise<DevelopmentCredentials> {
  const path = join(dataDir, FILE);
  await mkdir(dataDir, { recursive: true }).catch((error: unknown) => {
    const problem = `cannot be created or written to (${dataDir}): ${String(error)}. Use another directory`;
    throw new InvalidSettingsError([{ field: 'TIDINGS_DATA_DIR', problem }]);
  });
  try {
    const kept = await readIfThere(path);
    return kept === null ? await make(path) : shape.parse(JSON.parse(kept));
  } catch (error) {
    const reason =
      error instanceof z.ZodError || error instanceof SyntaxError ? 'its content is not ours' : String(error);
    throw new InvalidSettingsError([
      {
        field: 'TIDINGS_DATA_DIR',
        problem: `has development credentials that cannot be used (${path}): ${reason}. Delete the file to get new ones, or set AUTH_JWT_SECRET`,
      },
    ]);
  }
}

/** A token for a recipient, as an application's own sign-in would make it. */
export function mintToken(
  secret: string,
  recipient: string,
  lifetimeSeconds: number,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(recipient)
    .setIssuedAt(now)
    .setExpirationTime(now + lifetimeSeconds)
    .sign(new TextEncoder().encode(secret));
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    const text = await readFile(path, 'utf8');
    // A copy or an archive may have widened the mode.
    await chmod(path, 0o600);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Written completely under another name and then linked: if two processes start at once, one wins, and both
 * use its file.
 */
async function make(path: string): Promise<DevelopmentCredentials> {
  const credentials: DevelopmentCredentials = {
    jwtSecret: randomBytes(36).toString('base64url'),
    producerApiKey: `dev_${randomBytes(18).toString('base64url')}`,
  };
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await writeFile(draft, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  try {
    await link(draft, path);
    return credentials;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return shape.parse(JSON.parse(await readFile(path, 'utf8')));
  } finally {
    await unlink(draft);
  }
}
