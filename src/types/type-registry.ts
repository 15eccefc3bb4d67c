import { InvalidJobError, InvalidSettingsError, TidingsError, UnknownTypeError } from '../contract/errors.js';
import {
  renderNotification,
  validateData,
  type AnyNotificationType,
  type RenderContext,
} from '../contract/model/notification-type.js';
import type { NewNotification } from '../contract/ports/append.js';
import { describeError } from '../platform/logging/describe-error.js';
import { CANARY } from './canary.js';

/** What a type makes of a job's data: the same for all its recipients. */
export type Composed = Pick<NewNotification, 'type' | 'version' | 'title' | 'body' | 'link' | 'dataJson'>;

/** Data that fits its type, to be rendered in as many locales as its recipients have. */
export interface Prepared {
  readonly type: AnyNotificationType;
  /** @throws {InvalidJobError} if the renderer fails: the same data would make it fail again. */
  compose(context: RenderContext): Composed;
}

/** Data of a version that this process does not know yet; another may, during a rolling deploy. */
export class NewerVersionError extends UnknownTypeError {
  constructor(type: AnyNotificationType, version: number) {
    super(type.name, []);
    this.message = `The data is of version ${version} of ${type.name}; this process knows up to version ${type.version}.`;
  }
}

/** The declared types, by name, and the canary. */
export class TypeRegistry {
  private readonly types: ReadonlyMap<string, AnyNotificationType>;

  /** @throws {InvalidSettingsError} if one has the canary's name. */
  constructor(types: readonly AnyNotificationType[]) {
    if (types.some(({ name }) => name === CANARY.name)) {
      const problem = `must not declare ${CANARY.name}, which "tidings doctor" sends`;
      throw new InvalidSettingsError([{ field: 'types', problem }]);
    }
    this.types = new Map(types.map((type) => [type.name, { ...type, render: synchronous(type) }]));
  }

  /** @throws {UnknownTypeError} */
  get(name: string): AnyNotificationType {
    const type = this.find(name);
    if (!type) throw new UnknownTypeError(name, [...this.types.keys()]);
    return type;
  }

  /** These types, if this is one of them. @throws {UnknownTypeError} */
  readonly including = ({ name }: AnyNotificationType): TypeRegistry => {
    this.get(name);
    return this;
  };

  /** Whether there is a type that brings older data up to date. */
  get upgrades(): boolean {
    return [...this.types.values()].some((type) => type.upgrade !== undefined);
  }

  /** The type, or `null` if it is not known here. */
  find(name: string): AnyNotificationType | null {
    return this.types.get(name) ?? (name === CANARY.name ? CANARY : null);
  }

  /**
   * Brings the data to the present version of its type and checks it against the schema.
   *
   * @param version The one that the data was written for; `null`: the present one.
   * @throws {InvalidJobError} if it does not fit, or if the schema or the upgrade itself throws.
   * @throws {NewerVersionError}
   */
  async validate(type: AnyNotificationType, data: unknown, version: number | null = null): Promise<unknown> {
    const from = version ?? type.version;
    if (from > type.version) throw new NewerVersionError(type, from);
    const upgrade: ((data: unknown, fromVersion: number) => unknown) | undefined = type.upgrade;
    const current =
      from < type.version && upgrade
        ? await permanent(`The upgrade of ${type.name} failed`, () => upgrade(data, from))
        : data;
    return permanent(`The schema of ${type.name} failed`, () => validateData(type, current));
  }

  /**
   * Checks, so that it can be rendered.
   *
   * @throws {UnknownTypeError}
   * @throws {InvalidJobError} if the data does not fit.
   */
  async prepare(name: string, data: unknown, version: number | null = null): Promise<Prepared> {
    const type = this.get(name);
    const checked = await this.validate(type, data, version);
    const dataJson = permanently(`The data of ${name} cannot be kept`, () => toJson(checked));
    return {
      type,
      compose: (context) =>
        permanently(`The renderer of ${name} failed`, () => ({
          type: name,
          version: type.version,
          ...renderNotification(type, checked, context),
          dataJson,
        })),
    };
  }

  /** Checks and renders in one locale. @throws as {@link prepare} and {@link Prepared.compose} do. */
  async compose(name: string, data: unknown, context: RenderContext): Promise<Composed> {
    return (await this.prepare(name, data)).compose(context);
  }
}

/** What a type's own code throws says that this job can never succeed, unlike an error of a server. */
async function permanent<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asPermanent(what, error);
  }
}

function permanently<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw asPermanent(what, error);
  }
}

function asPermanent(what: string, error: unknown): TidingsError {
  if (error instanceof TidingsError) return error;
  const reason = describeError(error);
  return new InvalidJobError([{ field: 'data', problem: reason }], `${what}: ${reason}`);
}

/** A renderer in JavaScript may be async by mistake; its rejection, which nobody awaits, would end the process. */
function synchronous(type: AnyNotificationType): AnyNotificationType['render'] {
  return (data, context) => {
    const rendered: unknown = type.render(data, context);
    if (isPromise(rendered)) {
      rendered.then(undefined, () => {});
      throw new TypeError('it is async, but must return what it renders at once');
    }
    // renderNotification checks the fields.
    return rendered as ReturnType<AnyNotificationType['render']>;
  };
}

function toJson(data: unknown): string {
  // Not a string for undefined and for functions, whatever the declaration says.
  const json = JSON.stringify(data) as string | undefined;
  if (json === undefined) throw new TypeError(`the schema made data that JSON cannot hold (${typeof data})`);
  return json;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
