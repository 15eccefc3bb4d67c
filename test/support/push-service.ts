import { createDecipheriv, createECDH, createPublicKey, hkdfSync, randomBytes, verify } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A message that a push service has got for a browser, as that browser reads it. */
export interface ReceivedPush {
  readonly headers: IncomingHttpHeaders;
  /** The encrypted body. */
  readonly bytes: number;
  readonly payload: Record<string, unknown>;
  /** The claims of the verified VAPID token, and the key that it was verified with. */
  readonly vapid: { readonly aud: string; readonly sub: string; readonly exp: number };
  readonly key: string;
  readonly status: number;
}

/** A browser with the keys that it makes for a subscription. */
export class FakeBrowser {
  readonly received: ReceivedPush[] = [];
  /** How the push service answers, for each message; then 201. */
  readonly answers: number[] = [];
  readonly subscription: { readonly endpoint: string; readonly keys: { p256dh: string; auth: string } };
  private readonly curve = createECDH('prime256v1');
  private readonly auth = randomBytes(16);

  constructor(endpoint: string) {
    const p256dh = this.curve.generateKeys('base64url');
    this.subscription = { endpoint, keys: { p256dh, auth: this.auth.toString('base64url') } };
  }

  /** RFC 8291, section 3.4, and RFC 8188 for one record. */
  decrypt(body: Buffer): string {
    const salt = body.subarray(0, 16);
    const recordSize = body.readUInt32BE(16);
    const keyEnd = 21 + body[20]!;
    const sender = body.subarray(21, keyEnd);
    const record = body.subarray(keyEnd);
    if (record.length > recordSize) throw new Error('The body has more than one record.');
    const shared = this.curve.computeSecret(sender);
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), this.curve.getPublicKey(), sender]);
    const secret = Buffer.from(hkdfSync('sha256', shared, this.auth, info, 32));
    const key = hkdfSync('sha256', secret, salt, 'Content-Encoding: aes128gcm\0', 16);
    const nonce = hkdfSync('sha256', secret, salt, 'Content-Encoding: nonce\0', 12);
    const cipher = createDecipheriv('aes-128-gcm', Buffer.from(key), Buffer.from(nonce));
    cipher.setAuthTag(record.subarray(-16));
    const padded = Buffer.concat([cipher.update(record.subarray(0, -16)), cipher.final()]);
    const end = padded.lastIndexOf(2);
    if (padded.subarray(end + 1).some((byte) => byte !== 0)) throw new Error('The padding is wrong.');
    return padded.toString('utf8', 0, end);
  }
}

/** A push service on loopback. It decrypts what it gets and verifies who sent it, unlike real ones, which cannot read it. */
export interface PushService {
  readonly origin: string;
  browser(): FakeBrowser;
  close(): Promise<void>;
}

export async function startPushService(): Promise<PushService> {
  const browsers = new Map<string, FakeBrowser>();
  const server = createServer((request, response) => {
    const browser = browsers.get(request.url!);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      if (!browser || request.method !== 'POST' || request.headers['content-encoding'] !== 'aes128gcm')
        return void response.writeHead(400).end();
      const status = browser.answers.shift() ?? 201;
      const { vapid, key } = verifyVapid(request.headers.authorization!);
      browser.received.push({
        headers: request.headers,
        bytes: body.length,
        payload: JSON.parse(browser.decrypt(body)) as Record<string, unknown>,
        vapid,
        key,
        status,
      });
      response.writeHead(status).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    browser: () => {
      const path = `/push/${randomBytes(12).toString('base64url')}`;
      const browser = new FakeBrowser(`${origin}${path}`);
      browsers.set(path, browser);
      return browser;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** RFC 8292, section 3. @throws if the token is not signed by the key that comes with it. */
function verifyVapid(header: string): Pick<ReceivedPush, 'vapid' | 'key'> {
  const [, token, key] = /^vapid t=([^,]+), k=(\S+)$/.exec(header)!;
  const point = Buffer.from(key!, 'base64url');
  const [x, y] = [point.toString('base64url', 1, 33), point.toString('base64url', 33)];
  const publicKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  const [head, claims, signature] = token!.split('.');
  const isValid = verify(
    'sha256',
    Buffer.from(`${head}.${claims}`),
    { key: publicKey, dsaEncoding: 'ieee-p1363' },
    Buffer.from(signature!, 'base64url'),
  );
  if (!isValid) throw new Error('The VAPID token is not signed by its key.');
  return {
    vapid: JSON.parse(Buffer.from(claims!, 'base64url').toString()) as ReceivedPush['vapid'],
    key: key!,
  };
}
