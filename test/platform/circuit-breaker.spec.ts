import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { CircuitBreaker } from '../../src/platform/circuit-breaker.js';
import { eventually } from '../support/eventually.js';

describe('the circuit breaker', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('lets one caller try after the backoff, although the clock was set back an hour meanwhile', async () => {
    const breaker = new CircuitBreaker();
    breaker.failed();
    expect(breaker.allows()).toBe(false);
    const now = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => now() - 3_600_000);
    await eventually(() => expect(breaker.allows()).toBe(true));
    expect(breaker.allows()).toBe(false);
    breaker.succeeded();
    expect(breaker.allows()).toBe(true);
  });
});
