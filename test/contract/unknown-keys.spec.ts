import { describe, expect, it } from '@jest/globals';
import { nearest, unknownNames } from '../../src/contract/unknown-keys.js';

const KNOWN = ['heartbeatMs', 'retryMs'];

describe('unknown names', () => {
  it('suggests the nearest known name, whatever its case', () => {
    expect(unknownNames(['heartBeatMS', 'colour'], KNOWN, { what: 'option', at: 'stream' })).toEqual([
      {
        field: 'stream.heartBeatMS',
        problem: 'is not a known option (heartbeatMs?); known are heartbeatMs, retryMs',
      },
      { field: 'stream.colour', problem: 'is not a known option; known are heartbeatMs, retryMs' },
    ]);
  });

  it('lists twenty of any number, suggests for five, and counts the rest', () => {
    const names = Array.from({ length: 100_000 }, (_, index) => `retryM${index}`);
    const problems = unknownNames(names, KNOWN, { what: 'field' }).map(({ problem }) => problem);
    expect(problems).toHaveLength(20);
    expect(problems.filter((problem) => problem.includes('(retryMs?)'))).toHaveLength(5);
    expect(problems[0]).toMatch(/, as 99980 more are not; known are/);
  });

  it('compares no name that is longer than any of ours', () => {
    expect(nearest('x'.repeat(51), ['x'.repeat(52)], 10)).toBeUndefined();
  });
});
