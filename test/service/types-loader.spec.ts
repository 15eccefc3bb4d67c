import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { validateData } from '../../src/contract/model/notification-type.js';
import { loadTypes } from '../../src/service/types-loader.js';

const SCHEMA = `{ '~standard': { version: 1, vendor: 'test', validate: (value) => ({ value }) } }`;
const type = (name: string): string =>
  `{ name: '${name}', version: 1, schema: ${SCHEMA}, render: () => ({ title: 'x' }) }`;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-types-'));
});
afterAll(() => rm(folder, { recursive: true }));

let files = 0;
async function file(source: string, ending = 'mjs'): Promise<string> {
  const path = join(folder, `types-${++files}.${ending}`);
  await writeFile(path, source);
  return path;
}

async function load(source: string): Promise<string[]> {
  return (await loadTypes(await file(source), ['task-completed'])).map(({ name }) => name);
}

describe("a team's own types", () => {
  it('are loaded from the default export, alone or in an array', async () => {
    expect(await load(`export default ${type('one')}`)).toEqual(['one']);
    expect(await load(`export default [${type('one')}, ${type('two')}]`)).toEqual(['one', 'two']);
  });

  it('are loaded from named exports, past helpers, and once if they are exported twice', async () => {
    const source = `export const one = ${type('one')}; export const helper = () => 1; export const LIMIT = 3; export default [one, ${type('two')}]`;
    expect((await load(source)).sort()).toEqual(['one', 'two']);
  });

  it('are loaded from a CommonJS file too', async () => {
    const path = await file(`module.exports = [${type('one')}]`, 'cjs');
    expect((await loadTypes(path, [])).map(({ name }) => name)).toEqual(['one']);
  });

  it('work as declared', async () => {
    const [one] = await loadTypes(await file(`export default ${type('one')}`), []);
    expect(await validateData(one!, { a: 1 })).toEqual({ a: 1 });
  });

  it.each([
    [
      'a name that a type has which ships',
      `export default ${type('task-completed')}`,
      /export default: "task-completed" ships with the service/,
    ],
    [
      'a name twice',
      `export const a = ${type('one')}; export const b = ${type('one')}`,
      /export b: "one" is declared twice/,
    ],
    [
      'an export that is no type',
      `export default { hello: 1 }`,
      /export default: is not a type of notification \(it needs name, version, schema and render\)/,
    ],
    [
      'something else in the array',
      `export default [${type('one')}, 7]`,
      /export default\[1\]: is not a type/,
    ],
    ['a reserved name', `export const a = ${type('feed.x')}`, /export a: .*must not begin with "feed\."/],
    [
      'a schema that is none',
      `export default { name: 'one', version: 1, schema: {}, render() {} }`,
      /schema must be a Standard Schema/,
    ],
    ['nothing at all', `export const x = 1`, /exports no type/],
    ['a syntax error', `export default [`, /cannot be imported: SyntaxError/],
    [
      'an error of its own',
      `throw new Error('no database here')`,
      /cannot be imported: Error: no database here/,
    ],
  ])('are rejected with the name of the export: %s', async (_name, source, problem) => {
    const failed = loadTypes(await file(source), ['task-completed']);
    await expect(failed).rejects.toMatchObject({
      code: 'invalid-settings',
      fields: [{ field: 'TIDINGS_TYPES', problem: expect.stringMatching(problem) as unknown }],
    });
  });

  it('are loaded from the given file, whose full path is reported if it is missing', async () => {
    await expect(loadTypes('./no/such-types.mjs', [])).rejects.toThrow(
      `there is no readable file ${join(process.cwd(), 'no/such-types.mjs')}`,
    );
  });
});
