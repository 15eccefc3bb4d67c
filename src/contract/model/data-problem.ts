import type { InvalidField } from '../errors.js';
import { formatPath } from './notification-type.js';

/** The maximum size of `data`, as JSON in UTF-8. */
export const MAX_DATA_BYTES = 64 * 1024;
/**
 * The maximum depth of `data`: every parser of nested JSON on the way recurses, including Postgres' and the
 * client's.
 */
export const MAX_DATA_DEPTH = 64;

/**
 * The maximum number of values in `data`, at all levels: schemas look at each, and most describe the problem of each before the first is
 * reported.
 */
export const MAX_DATA_VALUES = 10_000;

/**
 * Finds data that Postgres cannot store unchanged, or that is too large. Checked before the insert, where it
 * would fail the whole batch, including other jobs. The work is bounded by the allowed size, not by the actual one.
 */
export function dataProblem(data: unknown): InvalidField | null {
  if (data === undefined) return { field: 'data', problem: 'is missing' };
  const problem = sizeProblem(data);
  if (problem) return problem;
  const broken = brokenText(data, ['data']);
  if (broken) return broken;
  const bytes = Buffer.byteLength(JSON.stringify(data));
  return bytes > MAX_DATA_BYTES ? { field: 'data', problem: `${TOO_LARGE}, has ${bytes}` } : null;
}

const TOO_LARGE = `must have at most ${MAX_DATA_BYTES} bytes as JSON`;

/** The problem of data that is certainly too large. Stops as soon as it knows, so that it is cheap for a value of any size and kind. */
export function sizeProblem(data: unknown): InvalidField | null {
  const size = { bytes: 0, values: 0 };
  measure(data, size, 0);
  if (size.values > MAX_DATA_VALUES)
    return { field: 'data', problem: `must have at most ${MAX_DATA_VALUES} values` };
  return size.bytes > MAX_DATA_BYTES ? { field: 'data', problem: TOO_LARGE } : null;
}

/** Adds the values and a lower bound of the bytes as JSON, up to the first that is too much. */
function measure(value: unknown, size: { bytes: number; values: number }, depth: number): void {
  size.values += 1;
  size.bytes += typeof value === 'string' ? value.length + 2 : 1;
  // Too deep is reported in other words, and a cycle by JSON.stringify. What `toJSON` returns may be small.
  if (!isPlain(value) || depth > MAX_DATA_DEPTH) return;
  const isArray = Array.isArray(value);
  if (isArray && value.length > MAX_DATA_VALUES) {
    size.values += value.length;
    return;
  }
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member === undefined || typeof member === 'function' || typeof member === 'symbol') continue;
    if (!isArray) size.bytes += key.length + 3;
    measure(member, size, depth + 1);
    if (size.bytes > MAX_DATA_BYTES || size.values > MAX_DATA_VALUES) return;
  }
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { toJSON?: unknown }).toJSON !== 'function'
  );
}

/** @param path Where the value is; as it was before when the function returns `null`. */
function brokenText(value: unknown, path: PropertyKey[]): InvalidField | null {
  if (typeof value === 'string') {
    const problem = textProblem(value);
    return problem === null ? null : { field: formatPath(path), problem };
  }
  if (typeof value !== 'object' || value === null) return null;
  if (path.length > MAX_DATA_DEPTH)
    return { field: 'data', problem: `must have at most ${MAX_DATA_DEPTH} levels` };
  const isArray = Array.isArray(value);
  for (const key of Object.keys(value)) {
    const inName = isArray ? null : textProblem(key);
    if (inName !== null) return { field: formatPath([...path, '(a name)']), problem: inName };
    path.push(isArray ? Number(key) : key);
    const problem = brokenText((value as Readonly<Record<string, unknown>>)[key], path);
    if (problem) return problem;
    path.pop();
  }
  return null;
}

function textProblem(text: string): string | null {
  if (text.includes('\u0000')) return 'must not contain NUL';
  return text.isWellFormed() ? null : 'must be well-formed Unicode (it has a lone surrogate)';
}
