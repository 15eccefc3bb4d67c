import type { StandardSchemaV1 } from '@standard-schema/spec';
import { kindOf } from './feed.js';
import {
  contentJson,
  contentProblems,
  linkProblem,
  shortNameProblem,
  type RenderedContent,
} from './content.js';
import type { TypeDescription } from '../ports/preferences.js';
import { describeFields, InvalidJobError, MAX_LISTED_FIELDS, type InvalidField } from '../errors.js';

/** The context of a renderer, besides the data. */
export interface RenderContext {
  /** The BCP 47 tag of the recipient's language; `en` unless `resolveLocales` is set. */
  readonly locale: string;
}

/** The output of a renderer: plain text, never HTML. */
export interface Rendered extends RenderedContent {
  readonly title: string;
  readonly body?: string | null;
  /** http(s), or a path that begins with one `/`. */
  readonly link?: string | null;
}

/** A checked output of a renderer. */
export interface CheckedContent {
  readonly title: string;
  readonly body: string | null;
  readonly link: string | null;
  /** Image, actions and severity as a JSON object; `null` if there are none. */
  readonly contentJson: string | null;
  readonly category: string | null;
}

/** A text for recipients, in the language of the context or in all. */
export type LocalizedText = string | ((context: RenderContext) => string);

/** A declared type of notification: its name, the schema of its data and its renderer. */
export interface NotificationType<
  Name extends string = string,
  Schema extends StandardSchemaV1 = StandardSchemaV1,
> {
  readonly name: Name;
  /** Increment it when the shape of `data` changes; stored with every entry. */
  readonly version: number;
  /** Any Standard Schema: zod, valibot, arktype. Its output is stored as `data`. */
  readonly schema: Schema;
  /** Called when the entry is appended, once for each locale of the job's recipients. */
  readonly render: (data: StandardSchemaV1.InferOutput<Schema>, context: RenderContext) => Rendered;
  /** Whether recipients cannot mute it, such as a warning about their account. Default `false`. */
  readonly mandatory?: boolean;
  /** The name for recipients, such as "New orders"; `GET /v1/types` lists it. Default: made from the type's name. */
  readonly label?: LocalizedText;
  /** A sentence for recipients, beside the label in their preferences. */
  readonly description?: LocalizedText;
  /** `^[a-z][a-z0-9-]{0,31}$`: the category of its notifications, unless the renderer returns another. Default: none. */
  readonly category?: string;
  /**
   * Converts data written for an older version: in jobs queued before a deploy, and in entries read after it.
   * The result is validated against `schema`. Without it, old jobs
   * are validated as they are, and old entries are served as written, with their own `version`.
   *
   * @param data As JSON: the output of the older schema (entries), or unvalidated data of a producer (jobs).
   * @param fromVersion From 1 to `version - 1`.
   */
  readonly upgrade?: (data: unknown, fromVersion: number) => StandardSchemaV1.InferInput<Schema>;
  /** How long after its delivery it expires, unless its job has `expiresAt`. Default: never. */
  readonly expiresAfterMs?: number;
}

/**
 * Any declaration, for lists of types with different data. {@link NotificationType} is checked where it is
 * declared.
 */
// oxlint-disable-next-line typescript/no-explicit-any -- the renderer's parameter makes it invariant: no narrower type accepts them all
export type AnyNotificationType = NotificationType<string, any>;

const TYPE_NAME = /^[a-z][a-z0-9.-]{0,63}$/;
// EventSource fires these itself; server events with these names would be indistinguishable.
const RESERVED = new Set(['open', 'error', 'message']);

/** The problem of a type's name, or `null`. `feed.` is reserved for state entries and control frames. */
export function typeNameProblem(name: unknown): string | null {
  if (typeof name !== 'string') return `must be a string, not ${kindOf(name)}`;
  if (!TYPE_NAME.test(name))
    return `must match ${TYPE_NAME.source}, is ${JSON.stringify(name.slice(0, 100))}`;
  if (name.startsWith('feed.')) return 'must not begin with "feed."';
  if (RESERVED.has(name)) return `must not be "${name}": EventSource has its own event of that name`;
  return null;
}

/**
 * Declares a type of notification.
 *
 * @throws {TypeError} if the declaration is invalid: an error in the program, not in a job.
 */
export function defineNotification<const Name extends string, Schema extends StandardSchemaV1>(
  name: Name,
  declaration: Omit<NotificationType<Name, Schema>, 'name'>,
): NotificationType<Name, Schema> {
  const problem = typeNameProblem(name);
  if (problem) throw new TypeError(`defineNotification: the name ${problem}.`);
  const { version, schema, render, mandatory, label, description, category, upgrade, expiresAfterMs } =
    declaration;
  if (!Number.isInteger(version) || version < 1) {
    throw new TypeError(
      `defineNotification(${name}): version must be a whole number from 1, is ${String(version)}.`,
    );
  }
  if (typeof schema?.['~standard']?.validate !== 'function') {
    throw new TypeError(
      `defineNotification(${name}): schema must be a Standard Schema (zod, valibot, arktype).`,
    );
  }
  if (typeof render !== 'function')
    throw new TypeError(`defineNotification(${name}): render must be a function.`);
  if (mandatory !== undefined && typeof mandatory !== 'boolean')
    throw new TypeError(`defineNotification(${name}): mandatory must be true or false.`);
  for (const [field, text] of Object.entries({ label, description })) {
    if (text !== undefined && typeof text !== 'function' && (typeof text !== 'string' || text === ''))
      throw new TypeError(`defineNotification(${name}): ${field} must be a non-empty string or a function.`);
  }
  const categoryProblem = category === undefined ? null : shortNameProblem(category);
  if (categoryProblem !== null)
    throw new TypeError(`defineNotification(${name}): category ${categoryProblem}.`);
  if (upgrade !== undefined && typeof upgrade !== 'function')
    throw new TypeError(`defineNotification(${name}): upgrade must be a function.`);
  if (expiresAfterMs !== undefined && !(Number.isFinite(expiresAfterMs) && expiresAfterMs > 0)) {
    throw new TypeError(
      `defineNotification(${name}): expiresAfterMs must be above 0, is ${String(expiresAfterMs)}.`,
    );
  }
  return Object.freeze({ ...declaration, name });
}

/** Whether the value has the shape of {@link defineNotification}'s result. */
export function isDeclaration(type: unknown): type is AnyNotificationType {
  if (typeof type !== 'object' || type === null) return false;
  const { name, version, schema, render } = type as Partial<NotificationType>;
  return (
    typeNameProblem(name) === null &&
    Number.isInteger(version) &&
    typeof schema?.['~standard']?.validate === 'function' &&
    typeof render === 'function'
  );
}

/** Validates a job's data against its type. @throws {InvalidJobError} naming each invalid field under `data`. */
export async function validateData(type: AnyNotificationType, data: unknown): Promise<unknown> {
  const result = await (type.schema as StandardSchemaV1)['~standard'].validate(data);
  if (!result.issues) return result.value;
  const fields = result.issues.slice(0, MAX_LISTED_FIELDS).map((issue): InvalidField => {
    const path = (issue.path ?? []).map((part) => (typeof part === 'object' ? part.key : part));
    return { field: formatPath(['data', ...path]), problem: issue.message };
  });
  throw new InvalidJobError(fields, describeFields('The job is not valid', fields, result.issues.length));
}

/** Renders validated data. @throws {InvalidJobError} if the result is unusable, so that the job fails at once. */
export function renderNotification(
  type: AnyNotificationType,
  data: unknown,
  context: RenderContext,
): CheckedContent {
  const rendered = type.render(data, context);
  const { title, body = null, link = null } = rendered;
  const fields: InvalidField[] = [];
  if (typeof title !== 'string' || title.length === 0) {
    fields.push({ field: 'title', problem: 'must be a non-empty string' });
  } else fields.push(...textProblems('title', title));
  if (body !== null) fields.push(...textProblems('body', body));
  const unsafe = link === null ? null : linkProblem(link);
  if (unsafe !== null) fields.push({ field: 'link', problem: unsafe });
  fields.push(...contentProblems(rendered));
  if (fields.length > 0)
    throw new InvalidJobError(
      fields,
      describeFields(`The renderer of ${type.name} returned an invalid result`, fields),
    );
  const category = rendered.category ?? type.category ?? null;
  return { title, body, link, contentJson: contentJson(rendered), category };
}

/** The type as recipients see it in their preferences. */
export function describeType(type: AnyNotificationType, context: RenderContext): TypeDescription {
  const { name, label, description, category = null, mandatory = false } = type;
  return {
    type: name,
    name: textOf(label, context) ?? sentence(name),
    description: textOf(description, context) ?? null,
    category,
    mandatory,
  };
}

const textOf = (text: LocalizedText | undefined, context: RenderContext): string | undefined =>
  typeof text === 'function' ? text(context) : text;

/** `new-order` as `New order`. */
function sentence(name: string): string {
  const words = name.replace(/[.-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** `['data', 'items', 0]` as `data.items[0]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

function textProblems(field: string, text: string): InvalidField[] {
  if (typeof text !== 'string') return [{ field, problem: `must be a text, is a ${typeof text}` }];
  if (text.includes('\u0000')) return [{ field, problem: 'must not contain NUL' }];
  if (!text.isWellFormed())
    return [{ field, problem: 'must be well-formed Unicode (it has a lone surrogate)' }];
  return [];
}
