import { InvalidJobError, TidingsError, UnknownTypeError } from '../contract/errors.js';
import {
  renderNotification,
  validateData,
  type AnyNotificationType,
  type RenderContext,
} from '../contract/notification-type.js';
import type { NewNotification } from '../contract/ports/append.js';
import { describeError } from './repeated-errors.js';

/** What a type makes of a job's data: the same for all its recipients. */
export type Composed = Pick<NewNotification, 'type' | 'version' | 'title' | 'body' | 'link' | 'dataJson'>;

/** The declared types, by name. */
export class TypeRegistry {
  private readonly types: ReadonlyMap<string, AnyNotificationType>;

  constructor(types: readonly AnyNotificationType[]) {
    this.types = new Map(types.map((type) => [type.name, { ...type, render: synchronous(type) }]));
  }

  /** @throws {UnknownTypeError} */
  get(name: string): AnyNotificationType {
    const type = this.types.get(name);
    if (!type) throw new UnknownTypeError(name, [...this.types.keys()]);
    return type;
  }

  /**
   * Checks the data against the type's schema.
   *
   * @throws {InvalidJobError} if it does not fit, or if the schema itself throws.
   */
  async validate(type: AnyNotificationType, data: unknown): Promise<unknown> {
    return permanent(`The schema of ${type.name} failed`, () => validateData(type, data));
  }

  /**
   * Checks and renders.
   *
   * @throws {UnknownTypeError}
   * @throws {InvalidJobError} if the data does not fit, or if schema or renderer fail: the same data would make them fail again.
   */
  async compose(name: string, data: unknown, context: RenderContext): Promise<Composed> {
    const type = this.get(name);
    const checked = await this.validate(type, data);
    return permanent(`The renderer of ${name} failed`, () => ({
      type: name,
      version: type.version,
      ...renderNotification(type, checked, context),
      dataJson: toJson(checked),
    }));
  }
}

/** What a type's own code throws says that this job can never succeed, unlike an error of a server. */
async function permanent<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TidingsError) throw error;
    const reason = describeError(error);
    throw new InvalidJobError([{ field: 'data', problem: reason }], `${what}: ${reason}`);
  }
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
