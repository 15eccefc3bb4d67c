/**
 * The most bytes of a producer's body. Every valid one fits, also as ASCII with `\uXXXX` for all else, as many languages write
 * JSON: 1,000 recipients of 256 characters are 1,540,000 bytes so, and 64 KiB of `data` at most 200,000.
 */
export const MAX_BODY_BYTES = 1_800_000;

/**
 * The most bytes of a recipient's body. 10,000 ids are 390,000 bytes, 480,000 with each on an indented line of its own; recipients are many
 * and known to us by their token alone, so that it is little more.
 */
export const MAX_RECIPIENT_BODY_BYTES = 512 * 1024;
