import { createECDH } from 'node:crypto';
import { say, type Print } from './print.js';
import type { Flags } from './options.js';

/** `tidings vapid`: makes the keys of Web Push, and prints the settings to paste. */
export function vapidCommand(_flags: Flags, _args: readonly string[], print: Print = say): Promise<void> {
  const curve = createECDH('prime256v1');
  const publicKey = curve.generateKeys('base64url');
  // Node leaves leading zeros out.
  const privateKey = Buffer.concat([Buffer.alloc(32), curve.getPrivateKey()]).subarray(-32);
  print('# Keep them: with other keys, browsers have to subscribe again. The private key is a secret.');
  print(`TIDINGS_PUSH_PUBLIC_KEY=${publicKey}`);
  print(`TIDINGS_PUSH_PRIVATE_KEY=${privateKey.toString('base64url')}`);
  print('# Whom push services write to if they have a problem: your address.');
  print('TIDINGS_PUSH_SUBJECT=mailto:you@example.com');
  return Promise.resolve();
}
