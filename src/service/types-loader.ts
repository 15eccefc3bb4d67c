import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { InvalidSettingsError } from '../contract/errors.js';
import { defineNotification, type AnyNotificationType } from '../contract/model/notification-type.js';

/**
 * Imports a team's own types: the module's default export (a type or an array) and every named export that is
 * a type. Other named exports are ignored, so that helpers may live beside the types.
 *
 * @param file Relative to the working directory, as in `TIDINGS_TYPES=./types.mjs`.
 * @param taken Names that are not allowed: those of the shipped types.
 * @throws {InvalidSettingsError} naming each invalid export and its problem.
 */
export async function loadTypes(file: string, taken: readonly string[]): Promise<AnyNotificationType[]> {
  const path = resolve(file);
  const exports = await importModule(path);
  const candidates = Object.entries(exports).flatMap(([name, value]): Candidate[] => {
    if (name !== 'default') return looksLikeType(value) ? [{ where: name, value }] : [];
    const values: unknown[] = Array.isArray(value) ? value : [value];
    return values.map((item, index) => ({
      where: Array.isArray(value) ? `default[${index}]` : 'default',
      value: item,
    }));
  });
  // The same object may be exported by name and in the default list.
  const distinct = candidates.filter(
    (one, index) => candidates.findIndex((c) => c.value === one.value) === index,
  );
  const problems: string[] = [];
  const types: AnyNotificationType[] = [];
  for (const { where, value } of distinct) {
    const checked = checkType(value);
    if (typeof checked === 'string') problems.push(`export ${where}: ${checked}`);
    else if (taken.includes(checked.name))
      problems.push(`export ${where}: "${checked.name}" ships with the service, take another name`);
    else if (types.some((type) => type.name === checked.name))
      problems.push(`export ${where}: "${checked.name}" is declared twice`);
    else types.push(checked);
  }
  if (distinct.length === 0) {
    problems.push(
      'it exports no type. Export what defineNotification() returns, by name or in a default array',
    );
  }
  if (problems.length > 0) throw wrong(`${path}: ${problems.join('; ')}`);
  return types;
}

interface Candidate {
  readonly where: string;
  readonly value: unknown;
}

async function importModule(path: string): Promise<Record<string, unknown>> {
  try {
    await access(path);
  } catch {
    throw wrong(`there is no readable file ${path} (the path is taken from the working directory)`);
  }
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_FILE_EXTENSION') {
      throw wrong(`${path} is not JavaScript; compile it, and give the .js or .mjs file`);
    }
    throw wrong(`${path} cannot be imported: ${String(error)}`);
  }
}

function looksLikeType(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'schema' in value && 'render' in value;
}

/** The type, or its problem. Applies the rules of `defineNotification`, which plain objects did not pass. */
function checkType(value: unknown): AnyNotificationType | string {
  if (!looksLikeType(value))
    return 'is not a type of notification (it needs name, version, schema and render)';
  const { name, ...declaration } = value as AnyNotificationType;
  try {
    return defineNotification(name, declaration);
  } catch (error) {
    return error instanceof TypeError ? error.message : String(error);
  }
}

function wrong(problem: string): InvalidSettingsError {
  return new InvalidSettingsError([{ field: 'TIDINGS_TYPES', problem }]);
}
