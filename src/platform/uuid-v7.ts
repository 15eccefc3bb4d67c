import { randomUUID } from 'node:crypto';

let lastMs = 0;
let counter = 0;

/**
 * A UUID, version 7 (RFC 9562, section 5.7): 48 bits of time in ms, then random bits. Those of one process increase: the 12 bits
 * after the version are a counter (section 6.2, method 1). It starts at a random value of its lower half each ms, which leaves room; if
 * it overflows, or the clock steps back, the time runs ahead of the clock.
 */
export function uuidV7(): string {
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    counter = Math.floor(Math.random() * 0x800);
  } else if (++counter > 0xfff) {
    lastMs++;
    counter = 0;
  }
  const time = lastMs.toString(16).padStart(12, '0');
  // A version 4 has the same variant bits and 62 random ones at the end, from a pool that Node fills at once.
  const random = randomUUID().slice(19);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, '0')}-${random}`;
}

/** The time in a UUID of version 7, ms. */
export function timeOfUuidV7(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}
