import { createECDH } from 'node:crypto';
import { isPublicKey } from '../model/push-subscription.js';
import { DECLARATIONS } from './declarations.js';
import { across, flag, group, list, number, quote, text } from './fields.js';
import type { PushOptions } from './tidings-options.js';

/** The name of the escalation that pushes. */
export const PUSH_ESCALATION = 'web-push';

const KEYS = 'base64url (make both: npx tidings vapid)';

export const PUSH = group<PushOptions>()({
  // RFC 8292, section 2.1.
  subject: text((subject) =>
    /^(mailto:[^@\s]+@[^@\s]+|https:\/\/\S+)$/.test(subject) && URL.canParse(subject)
      ? null
      : `must be mailto: and an address, or an https URL, is ${quote(subject)}`,
  ),
  publicKey: text((key) => (isPublicKey(key) ? null : `must be a public key on P-256: 65 bytes, ${KEYS}`)),
  // Never printed.
  privateKey: text((key) => (publicKeyOf(key) ? null : `must be a private key on P-256: 32 bytes, ${KEYS}`)),
  afterMs: number(0, Number.MAX_SAFE_INTEGER, { whole: false }).default(20_000),
  types: DECLARATIONS.readonly().optional(),
  maxPerRecipient: number(1, 100).default(10),
  allowedHosts: list(
    text((host) =>
      /^(\*\.)?([a-z0-9-]+\.)+[a-z0-9-]+$/.test(host)
        ? null
        : `must be a host name in lower case, or "*." and a domain, is ${quote(host)}`,
    ),
    'host names',
  )
    .nullable()
    .default(null),
  allowLoopback: flag().default(false),
}).check(
  across<PushOptions>(({ publicKey, privateKey }, wrong) => {
    if (typeof privateKey !== 'string' || !isPublicKey(publicKey)) return;
    const own = publicKeyOf(privateKey);
    if (own !== null && own !== publicKey)
      wrong(['privateKey'], 'does not belong to push.publicKey: take both from one run of npx tidings vapid');
  }),
);

/** The public key of a private one, base64url; `null` if it is none. */
export function publicKeyOf(privateKey: string): string | null {
  const bytes = /^[\w-]{43}$/.test(privateKey) ? Buffer.from(privateKey, 'base64url') : null;
  if (bytes?.length !== 32) return null;
  const curve = createECDH('prime256v1');
  try {
    curve.setPrivateKey(bytes);
    return curve.getPublicKey('base64url');
  } catch {
    // Zero, or not below the order of the curve.
    return null;
  }
}
