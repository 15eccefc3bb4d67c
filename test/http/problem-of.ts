import { expect } from '@jest/globals';
import type { Problem } from '../../src/http/index.js';

/** The problem that a response carries; fails if it is no `application/problem+json` of the response's own status. */
export async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json(;|$)/);
  expect(response.headers.get('cache-control')).toBe('no-store');
  const problem = (await response.json()) as Problem;
  expect(problem).toMatchObject({ type: 'about:blank', status: response.status });
  return problem;
}
