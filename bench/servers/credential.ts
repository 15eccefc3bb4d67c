import { randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';

/** What Tidings checks tokens with. */
export const JWT_SECRET = randomBytes(32).toString('hex');

/**
 * The head of a stream's request. Baselines get the same token and do not look at it: every application is sent some credential, and a
 * server keeps the headers of a request for as long as it is open.
 */
export async function streamHead(path: string, user: string): Promise<string> {
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setExpirationTime('12h')
    .sign(new TextEncoder().encode(JWT_SECRET));
  return `GET ${path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${token}\r\n`;
}
