import { unknownNames } from '../unknown-keys.js';
import type { InvalidField } from '../errors.js';
import { kindOf, nameProblem } from './feed.js';
import { isSafeLink, LINK_RULE } from './link.js';

/** The maximum number of actions of a notification. */
export const MAX_ACTIONS = 3;
/** The maximum length of an action's label, in characters. */
const MAX_LABEL_LENGTH = 60;

/** The importance of a notification. `normal` is not sent: an item without `severity` is normal. */
export type Severity = 'low' | 'normal' | 'high';

/** An action of a notification, shown as a button. */
export interface NotificationAction {
  /** `^[a-z][a-z0-9-]{0,31}$`; unique within the notification. */
  readonly id: string;
  /** Plain text, 1 to 60 characters. */
  readonly label: string;
  /** Followed when the action is chosen: http(s), or a path that begins with one `/`. Without it, the choice is sent to the server. */
  readonly link?: string;
  readonly style?: 'primary' | 'danger';
}

/** What was chosen, and when. */
export interface Acted {
  /** The id of the action. */
  readonly action: string;
  /** ISO 8601, UTC, milliseconds. */
  readonly at: string;
}

/** The optional parts of a notification's content; absent if they are not set. */
export interface NotificationContent {
  /** An avatar or picture: http(s), or a path that begins with one `/`. */
  readonly image?: string;
  readonly actions?: readonly NotificationAction[];
  readonly category?: string;
  readonly severity?: Exclude<Severity, 'normal'>;
}

/** What a renderer returns for them. */
export interface RenderedContent {
  readonly image?: string | null;
  readonly actions?: readonly NotificationAction[] | null;
  /** `^[a-z][a-z0-9-]{0,31}$`. Default: the category of the type, if it has one. */
  readonly category?: string | null;
  /** Default `normal`. */
  readonly severity?: Severity | null;
}

const SHORT_NAME = /^[a-z][a-z0-9-]{0,31}$/;
const ACTION_FIELDS = ['id', 'label', 'link', 'style'];
const SEVERITIES: readonly unknown[] = ['low', 'normal', 'high'];
const STYLES: readonly unknown[] = ['primary', 'danger'];

/** The problem of the id of an action or the name of a category, or `null`. */
export function shortNameProblem(name: unknown): string | null {
  if (typeof name !== 'string') return `must be a string, not ${kindOf(name)}`;
  return SHORT_NAME.test(name) ? null : `must match ${SHORT_NAME.source}, is ${shown(name)}`;
}

/** The problem of a link, or `null`. */
export function linkProblem(link: unknown): string | null {
  return typeof link === 'string' && isSafeLink(link) ? null : `${LINK_RULE}, is ${shown(link)}`;
}

/** The problems of what a renderer has returned. */
export function contentProblems({ image, actions, category, severity }: RenderedContent): InvalidField[] {
  return [
    ...problem('image', image, linkProblem),
    ...problem('category', category, shortNameProblem),
    ...problem('severity', severity, oneOf(SEVERITIES)),
    ...(actions === undefined || actions === null ? [] : actionsProblems(actions)),
  ];
}

/**
 * The parts besides the category as a JSON object; `null` if there are none. It becomes part of the item's
 * JSON as it is, so it has no other members and no line breaks.
 */
export function contentJson({ image, actions, severity }: RenderedContent): string | null {
  if (!image && !actions?.length && (!severity || severity === 'normal')) return null;
  const content: NotificationContent = {
    ...(image && { image }),
    ...(actions?.length && {
      actions: actions.map(({ id, label, link, style }) => ({
        id,
        label,
        ...(link && { link }),
        ...(style && { style }),
      })),
    }),
    ...(severity && severity !== 'normal' && { severity }),
  };
  return JSON.stringify(content);
}

function actionsProblems(actions: unknown): InvalidField[] {
  if (!Array.isArray(actions))
    return [{ field: 'actions', problem: `must be a list, is ${kindOf(actions)}` }];
  if (actions.length > MAX_ACTIONS) {
    return [{ field: 'actions', problem: `must have at most ${MAX_ACTIONS} actions, has ${actions.length}` }];
  }
  const ids = new Set<unknown>();
  return actions.flatMap((action: unknown, index): InvalidField[] => {
    const at = `actions[${index}]`;
    if (typeof action !== 'object' || action === null)
      return [{ field: at, problem: `must be an object, is ${kindOf(action)}` }];
    const { id, label, link, style } = action as Readonly<Record<string, unknown>>;
    const repeated = ids.has(id);
    ids.add(id);
    const unknown = Object.keys(action).filter((name) => !ACTION_FIELDS.includes(name));
    return [
      ...unknownNames(unknown, ACTION_FIELDS, { what: 'field', at }),
      ...problem(`${at}.id`, id ?? '', shortNameProblem),
      ...(repeated ? [{ field: `${at}.id`, problem: `must be unique, is ${shown(id)} again` }] : []),
      ...problem(`${at}.label`, label ?? '', labelProblem),
      ...problem(`${at}.link`, link, linkProblem),
      ...problem(`${at}.style`, style, oneOf(STYLES)),
    ];
  });
}

function labelProblem(label: unknown): string | null {
  const wrong = nameProblem(label);
  if (wrong !== null) return wrong;
  const { length } = [...(label as string)];
  return length > MAX_LABEL_LENGTH ? `must have at most ${MAX_LABEL_LENGTH} characters, has ${length}` : null;
}

const oneOf =
  (values: readonly unknown[]) =>
  (value: unknown): string | null =>
    values.includes(value) ? null : `must be ${values.join(' or ')}, is ${shown(value)}`;

function problem(field: string, value: unknown, check: (value: unknown) => string | null): InvalidField[] {
  if (value === undefined || value === null) return [];
  const wrong = check(value);
  return wrong === null ? [] : [{ field, problem: wrong }];
}

function shown(value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 100)) : kindOf(value);
}
