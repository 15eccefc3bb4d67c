import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { MUTATIONS } from './list.js';
import { applyEdit } from './mutation.js';

/** Whether a file, or the contract that it runs, has a title with this text. */
function finds(file: string, test = ''): boolean {
  if (!existsSync(file)) return false;
  const text = readFileSync(file, 'utf8');
  const contracts = [...text.matchAll(/from '(\.\/[\w-]+\.contract)\.js'/g)].map(([, path]) =>
    join(dirname(file), `${path}.ts`),
  );
  // The name of the backend is added by the suite.
  const title = test.replace(/^\((Postgres|Redis)\) | \((Postgres|Redis)\)$/, '');
  return [text, ...contracts.map((path) => readFileSync(path, 'utf8'))].some((source) =>
    source.includes(title),
  );
}

describe('The mutation list', () => {
  it('names each mutation once', () => {
    const names = MUTATIONS.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
    'finds its place exactly once, and its tests: %s',
    (_name, { edits, caughtBy }) => {
      for (const edit of edits) {
        const text = readFileSync(edit.file, 'utf8');
        expect(applyEdit(text, edit)).not.toBe(text);
      }
      expect(caughtBy.length).toBeGreaterThan(0);
      for (const { file, test } of caughtBy)
        expect([file, test, finds(file, test)]).toEqual([file, test, true]);
    },
  );
});
