import { createHash } from 'node:crypto';
import type { Severity } from '../../contract/model/content.js';
import type { NotificationItem } from '../../contract/model/entry.js';
import type { PushedNotification, PushPayload } from '../../contract/model/push-payload.js';

/** A record of 4,096 bytes (RFC 8291, section 4), without the header (86), the tag (16) and the delimiter. */
const MAX_PAYLOAD_BYTES = 3_993;
/** Links and pictures that take more are left out: a cut one leads elsewhere. */
const MAX_LINK_BYTES = 1_500;
const MAX_IMAGE_BYTES = 800;
const MAX_TITLE_BYTES = 600;

const DAY_SECONDS = 86_400;
/** How long the push service keeps it for a browser that is off. Four weeks are the most that all push services take. */
const TTL_SECONDS: Record<Severity, number> = {
  low: DAY_SECONDS,
  normal: 7 * DAY_SECONDS,
  high: 28 * DAY_SECONDS,
};

/** What the wire does not tell of a notification. */
export interface Expiring {
  readonly expiresAt: Date | null;
  readonly collapseKey: string | null;
}

/** A message for a push service, before it is encrypted for a browser. */
export interface PushMessage {
  readonly payload: string;
  readonly ttlSeconds: number;
  readonly urgency: Severity;
  /** A later message with the same one replaces it while the browser is off (RFC 8030, section 5.4). */
  readonly topic: string | undefined;
}

export function pushMessage(item: NotificationItem, { expiresAt, collapseKey }: Expiring): PushMessage {
  const { severity = 'normal' } = item;
  const topic = collapseKey === null ? undefined : topicOf(collapseKey);
  const leftSeconds = expiresAt === null ? Infinity : Math.ceil((expiresAt.getTime() - Date.now()) / 1_000);
  return {
    payload: payloadOf(item, topic ?? item.id),
    ttlSeconds: Math.max(0, Math.min(TTL_SECONDS[severity], leftSeconds)),
    urgency: severity,
    topic,
  };
}

/** At most 32 characters of base64url. Push services see it, so it does not tell the key. */
function topicOf(collapseKey: string): string {
  return createHash('sha256').update(collapseKey).digest('base64url').slice(0, 32);
}

function payloadOf({ id, title, body, link, image, severity }: NotificationItem, tag: string): string {
  const content: PushedNotification = {
    id,
    tag,
    title: cutTo(title, MAX_TITLE_BYTES),
    ...(link !== null && jsonBytes(link) <= MAX_LINK_BYTES && { link }),
    ...(image && jsonBytes(image) <= MAX_IMAGE_BYTES && { image }),
    ...(severity && { severity }),
  };
  const left = MAX_PAYLOAD_BYTES - jsonBytes({ tidings: { ...content, body: '' } });
  const payload: PushPayload = { tidings: body ? { ...content, body: cutTo(body, left) } : content };
  return JSON.stringify(payload);
}

/** The text, cut between code points so that it takes at most so many bytes in JSON, quotes apart. */
function cutTo(text: string, maxBytes: number): string {
  const ellipsis = '…';
  let bytes = 0;
  let length = 0;
  /** The length at which the ellipsis still fits. */
  let fits = 0;
  for (const character of text) {
    bytes += jsonBytes(character) - 2;
    if (bytes > maxBytes) return text.slice(0, fits) + ellipsis;
    length += character.length;
    if (bytes + Buffer.byteLength(ellipsis) <= maxBytes) fits = length;
  }
  return text;
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
