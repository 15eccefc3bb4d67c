/**
 * The maximum size of a producer's body. Every valid job fits, also with `\uXXXX` for all that is not ASCII, as many languages write JSON: 1,000
 * recipients of 256 characters are then 1,540,000 bytes, and 64 KiB of `data` at most 200,000.
 */
export const MAX_BODY_BYTES = 1_800_000;

/**
 * The maximum size of a recipient's body. 10,000 ids are 390,000 bytes, or 480,000 with each on an indented line. It is little more than that,
 * because anyone may be a recipient.
 */
export const MAX_RECIPIENT_BODY_BYTES = 512 * 1024;

/**
 * How long a body may take. Whoever stalls, or sends a byte a second, would keep a connection for as long as it likes. The largest body needs
 * 1.5 Mbit/s, that of a usual change 1 kbit/s.
 */
export const BODY_TIMEOUT_MS = 10_000;
