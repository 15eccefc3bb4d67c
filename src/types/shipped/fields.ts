import { z } from 'zod';
import { isSafeLink, LINK_RULE } from '../../contract/model/link.js';

/** The message of a missing field, or of one with the wrong type. */
const expected = (what: string) => (issue: { input?: unknown }) =>
  issue.input === undefined ? 'is missing' : `must be ${what}`;

/** A non-empty string. */
export const text = z.string({ error: expected('a text') }).min(1, 'must not be empty');

/** A safe link: http(s), or a path that begins with one `/`. */
export const link = z.string({ error: expected('a text') }).refine(isSafeLink, LINK_RULE);

/** A whole number from `minimum`, small enough for JSON to keep it exactly. */
export const wholeNumber = (minimum: number) =>
  z
    .int({ error: expected('a whole number') })
    .min(minimum, { error: ({ input }) => `must be at least ${minimum}, is ${String(input)}` });

/** One of these words. */
export const oneOf = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  z.enum(words, { error: expected(`one of ${words.map((word) => JSON.stringify(word)).join(', ')}`) });

/** An object with exactly these fields: a misspelt optional field would be lost silently. */
export const object = <Shape extends z.ZodRawShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `must not have unknown fields, has ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`
        : expected('an object')(issue),
  });
