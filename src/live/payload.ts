/** NOTIFY takes payloads of less than 8,000 bytes (PostgreSQL documentation, "NOTIFY"). */
export const MAX_PAYLOAD_BYTES = 7_999;

/** ASCII's record separator: JSON must escape it, and neither types nor cursors contain it. */
const SEPARATOR = '\u001e';

/**
 * Packs messages into as few payloads as their order allows.
 *
 * @param messages Each of at most {@link MAX_PAYLOAD_BYTES} bytes of UTF-8.
 */
export function pack(messages: readonly string[]): string[] {
  const payloads: string[] = [];
  let group: string[] = [];
  let bytes = 0;
  for (const message of messages) {
    const size = Buffer.byteLength(message) + SEPARATOR.length;
    // The last message of a payload has no separator after it.
    if (bytes + size > MAX_PAYLOAD_BYTES + SEPARATOR.length) {
      payloads.push(group.join(SEPARATOR));
      group = [];
      bytes = 0;
    }
    group.push(message);
    bytes += size;
  }
  if (group.length > 0) payloads.push(group.join(SEPARATOR));
  return payloads;
}

/** Splits a payload into its messages. */
export function unpack(payload: string): string[] {
  return payload.split(SEPARATOR);
}
