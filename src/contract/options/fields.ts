import { z } from 'zod';
import type { InvalidField } from '../errors.js';
import { kindOf } from '../model/feed.js';
import { formatPath } from '../model/notification-type.js';
import { unknownNames } from '../unknown-keys.js';

/** The problem of a value that is present but undefined. */
export const UNSET = 'is undefined (is the environment variable set?)';
/** The longest timer: Node fires a longer one at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * A strict object for one group of options. The compiler checks it against the documented interface: it must
 * have exactly its names, and accept every documented
 * value.
 */
export const group =
  <Documented>() =>
  <Shape extends { readonly [Name in keyof Documented]-?: z.ZodType }>(
    shape: Shape & HeldTo<Documented, Shape>,
  ) =>
    z.strictObject<Shape>(shape);

type HeldTo<Documented, Shape> = {
  readonly [Name in keyof Shape]: Name extends keyof Documented
    ? Documented[Name] extends z.input<Shape[Name]>
      ? unknown
      : never
    : never;
};

/**
 * A check across several fields. It runs even if single fields are invalid, so that all problems are listed;
 * values may be of any kind.
 */
export const across = <Group extends object>(
  look: (group: Partial<Group>, wrong: (path: PropertyKey[], problem: string) => void) => void,
) =>
  z.superRefine<Group>(
    (value, context) => look(value, (path, message) => context.addIssue({ code: 'custom', path, message })),
    { when: ({ value }) => isObject(value) },
  );

/** Requires exactly one of these. A field with an unset variable is reported as such. */
export const exactlyOne = (at: string, names: readonly string[]) =>
  across<Record<string, unknown>>((given, wrong) => choose(at, names, given, wrong));

export function choose(
  at: string,
  names: readonly string[],
  given: Readonly<Record<string, unknown>>,
  wrong: (path: PropertyKey[], problem: string) => void,
): void {
  const [first, ...others] = names.filter((name) => given[name] !== undefined && given[name] !== null);
  for (const name of others)
    wrong([name], `must not be given together with ${at}.${first}: give one of them`);
  if (first !== undefined) return;
  const unset = names.find((name) => name in given && given[name] === undefined);
  const paths = names.map((name) => `${at}.${name}`);
  if (unset) wrong([unset], UNSET);
  else wrong([], `needs exactly one of ${enumerated(paths, 'and')}`);
}

/** A string; `problemOf` returns its problem, if any. */
export const text = (problemOf: (value: string) => string | null = () => null) =>
  z.string().superRefine((value, context) => {
    const problem = problemOf(value);
    if (problem) context.addIssue({ code: 'custom', message: problem });
  });

export const list = <Element extends z.ZodType>(element: Element, of: string) =>
  z.array(element, { error: ({ input }) => `must be a list of ${of}, is ${kindOf(input)}` });

export const func = <Function>() =>
  z.custom<Function>((value) => typeof value === 'function', {
    error: ({ input }) => `must be a function, is ${kindOf(input)}`,
  });

export const oneOf = <const Value extends string>(values: readonly Value[]) =>
  z.enum(values, {
    error: ({ input }) =>
      `must be ${enumerated(
        values.map((value) => `"${value}"`),
        'or',
      )}, is ${shown(input)}`,
  });

export const flag = () =>
  z.custom<boolean>((value) => typeof value === 'boolean', {
    error: ({ input }) => `must be true or false, is ${shown(input)}`,
  });

/** A number from `least` to `most`, or a fraction above 0; with `off`, `null` means no limit. */
export const number = (least: number, most: number, { whole = true, off = false } = {}) => {
  const inclusive = whole || least > 0;
  const range = inclusive ? `from ${least} to ${most}` : `above ${least} and at most ${most}`;
  const params = {
    error: ({ input }: { input?: unknown }) =>
      `must be a ${whole ? 'whole ' : ''}number ${range}${off ? ', or null for no limit' : ''}, is ${shown(input)}`,
  };
  const fits = (value: number): boolean =>
    value <= most && (inclusive ? value >= least : value > least) && (!whole || Number.isInteger(value));
  // Not z.int(): it would keep the cross-checks from running.
  return z.number(params).refine(fits, params);
};

export const limit = (least: number, most: number, { whole = true } = {}) =>
  number(least, most, { whole, off: true }).nullable();

/** A time in milliseconds. */
export const ms = (least = 0) => number(least, LONGEST_TIMER_MS, { whole: false });

/** A URL of one of these schemes. */
export const urlOf = (schemes: readonly string[], example: string) =>
  text((value) => {
    const begins = schemes.some((scheme) => value.startsWith(`${scheme}://`));
    if (begins && URL.canParse(value)) return null;
    const reason = begins
      ? 'cannot be parsed (percent-encode special characters of the password)'
      : `must begin with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`;
    return `${reason}, such as ${example}; is ${quote(maskPassword(value))}`;
  });

/** The result of a check: the value, or every problem. */
export type Checked<Schema extends z.ZodType> =
  | { readonly data: z.output<Schema>; readonly problems: readonly [] }
  | { readonly data: null; readonly problems: readonly InvalidField[] };

/** Checks the input: returns it with its defaults, or every problem with its field. */
export function check<Schema extends z.ZodType>(schema: Schema, input: unknown): Checked<Schema> {
  const { data, error } = schema.safeParse(input, { error: explain });
  if (!error) return { data: data, problems: [] };
  const problems = error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? // The message lists the known names, see below.
        unknownNames(issue.keys, issue.message.split(', '), { what: 'option', at: formatPath(issue.path) })
      : { field: formatPath(issue.path) || 'options', problem: issue.message },
  );
  return { data: null, problems };
}

const explain: z.core.$ZodErrorMap = ({ code, input, ...issue }) => {
  if (code === 'unrecognized_keys' && issue.inst instanceof z.ZodObject) {
    return Object.keys(issue.inst.shape).join(', ');
  }
  if (code !== 'invalid_type') return undefined;
  if ('expected' in issue && issue.expected === 'object') return `must be an object, is ${kindOf(input)}`;
  return input === undefined ? UNSET : `must be a string, is ${kindOf(input)}`;
};

/** A quoted string for a message; never pass a secret. */
export const quote = (value: string): string =>
  JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}...` : value);

/** Any value for a message; never pass a secret. */
export const shown = (value: unknown): string =>
  typeof value === 'string' ? quote(value) : isObject(value) ? kindOf(value) : String(value);

/**
 * A URL for logs: without the password, even if the URL cannot be parsed; and without a lone user name, which
 * may well be a password.
 */
export function maskPassword(url: string): string {
  return url
    .replace(/^([a-z+.-]*:\/\/)?([^:/@]*:)?.*@/is, '$1$2***@')
    .replace(/^([a-z+.-]*:\/\/[^:/@?]*:)(?!\d*([/?#]|$))[^@]*$/is, '$1***')
    .replace(/([?&]\w*password=)[^&]*/gi, '$1***');
}

const enumerated = (words: readonly string[], last: 'and' | 'or'): string =>
  `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;

/** Whether the value is a plain object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
