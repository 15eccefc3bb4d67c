import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { MUTATIONS } from './list.js';
import { applyEdit } from './mutation.js';

describe('The mutation list', () => {
  it('names each mutation once', () => {
    const names = MUTATIONS.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
    '%s still finds its place, exactly once, and tests that exist',
    (_name, { edits, caughtBy }) => {
      for (const edit of edits) {
        const text = readFileSync(edit.file, 'utf8');
        expect(applyEdit(text, edit)).not.toBe(text);
      }
      expect(caughtBy.length).toBeGreaterThan(0);
      for (const { file } of caughtBy) expect([file, existsSync(file)]).toEqual([file, true]);
    },
  );
});
