/**
 * The most bytes of a JSON body. Every valid body fits, also as ASCII with `\uXXXX` for all else, as many languages write
 * JSON: 1,000 recipients of 256 characters are 1,540,000 bytes so, and 64 KiB of `data` at most 200,000.
 */
export const MAX_BODY_BYTES = 1_800_000;
