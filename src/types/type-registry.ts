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

/** A rendered job: the same for all recipients with one locale. */
export type Composed = Pick<
  NewNotification,
  'type' | 'version' | 'title' | 'body' | 'link' | 'contentJson' | 'category' | 'dataJson'
>;

/** Validated data, to be rendered in each locale of its recipients. */
export interface Prepared {
  readonly type: AnyNotificationType;
  /** @throws {InvalidJobError} if the renderer fails: it would fail again with the same data. */
  compose(context: RenderContext): Composed;
}

/** The data has a newer version than this process knows; during a rolling deploy another process may know it. */
export class NewerVersionError extends UnknownTypeError {
  constructor(type: AnyNotificationType, version: number) {
    super(type.name, []);
    this.message = `The data has version ${version} of ${type.name}; this process knows versions up to ${type.version}.`;
  }
}

/** The declared types by name, and the canary. */
export class TypeRegistry {
  private readonly types: ReadonlyMap<string, AnyNotificationType>;

  /** @throws {InvalidSettingsError} if a type has the canary's name. */
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

  /** This registry, if it contains the type. @throws {UnknownTypeError} */
  readonly including = ({ name }: AnyNotificationType): TypeRegistry => {
    this.get(name);
    return this;
  };

  /** Whether a type upgrades older data. */
  get upgrades(): boolean {
    return [...this.types.values()].some((type) => type.upgrade !== undefined);
  }

  /** The names of the types that recipients cannot mute. */
  get mandatory(): string[] {
    return [...this.types.values()].filter(({ mandatory }) => mandatory).map(({ name }) => name);
  }

  /** The type, or `null` if it is unknown here. */
  find(name: string): AnyNotificationType | null {
    return this.types.get(name) ?? (name === CANARY.name ? CANARY : null);
  }

  /**
   * Upgrades the data to the current version of its type and validates it against the schema.
   *
   * @param version The version of the data; `null`: the current one.
   * @throws {InvalidJobError} if it is invalid, or if the schema or the upgrade itself throws.
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
   * Validates the data, so that it can be rendered.
   *
   * @throws {UnknownTypeError}
   * @throws {InvalidJobError} if the data is invalid.
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

  /** Validates the data and renders it in one locale. @throws as {@link prepare} and {@link Prepared.compose} do. */
  async compose(name: string, data: unknown, context: RenderContext): Promise<Composed> {
    return (await this.prepare(name, data)).compose(context);
  }
}

/**
 * Converts errors of a type's own code to permanent ones: unlike a server's error, they mean that this job
 * can never succeed.
 */
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

/**
 * Rejects an async renderer, a possible mistake in JavaScript: nothing awaits its rejection, which would end
 * the process.
 */
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
  // undefined for undefined and functions, contrary to the declaration.
  const json = JSON.stringify(data) as string | undefined;
  if (json === undefined) throw new TypeError(`the schema made data that JSON cannot hold (${typeof data})`);
  return json;
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
