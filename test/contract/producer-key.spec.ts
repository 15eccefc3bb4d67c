import { describe, expect, it } from '@jest/globals';
import {
  parseProducerKey,
  type ProducerApiKey,
  type ProducerKey,
} from '../../src/contract/model/producer-key.js';
import { resolveOptions } from '../../src/contract/options/options.js';

const KEY = 'producer-key-0001';
const parsed = (given: string | ProducerApiKey): object | string => {
  const key = parseProducerKey(given);
  return typeof key === 'string' ? key : { name: key.name, tenant: key.tenant, scopes: [...key.scopes] };
};

describe('The key of a producer', () => {
  it.each<[string, object]>([
    [KEY, { name: null, tenant: null, scopes: [] }],
    [`orders:${KEY}`, { name: 'orders', tenant: null, scopes: [] }],
    [`${KEY}@acme`, { name: null, tenant: 'acme', scopes: [] }],
    [`orders:${KEY}@acme;any-sender`, { name: 'orders', tenant: 'acme', scopes: ['any-sender'] }],
    [`orders:${KEY}@caf%C3%A9%2C%20Paris%3B1`, { name: 'orders', tenant: 'café, Paris;1', scopes: [] }],
    [`orders:${KEY}@urn:tenant:1@x`, { name: 'orders', tenant: 'urn:tenant:1@x', scopes: [] }],
  ])('reads name, tenant and scopes of %s', (text, parts) => {
    expect(parsed(text)).toEqual(parts);
    expect((parseProducerKey(text) as ProducerKey).hash).toEqual((parseProducerKey(KEY) as ProducerKey).hash);
  });

  it('takes what follows a first ":" as it is, so that a key with separators of its own stays usable', () => {
    const old = 'svc:0123456789@abcdef;x';
    expect(parsed(`:${old}`)).toEqual({ name: null, tenant: null, scopes: [] });
    expect(parseProducerKey(`:${old}`)).toEqual(parseProducerKey({ key: old }));
  });

  it('keeps its id when it gets a name or a tenant', () => {
    const ids = [KEY, `orders:${KEY}`, `orders:${KEY}@acme`].map(
      (text) => (parseProducerKey(text) as ProducerKey).id,
    );
    expect(new Set(ids).size).toBe(1);
  });

  it.each<[string | ProducerApiKey, RegExp]>([
    ['orders:hunter2', /^must have at least 16 characters after its name, has 7/],
    [`Orders:${KEY}`, /^must have a name before ":"/],
    [`a:b:${KEY}`, /^must have the form name:key@tenant;scope/],
    [`${KEY}@`, /^has a tenant that must not be empty/],
    [`${KEY}@%zz`, /percent-encoded/],
    [`${KEY};publish-everything`, /^has an unknown scope; the known ones: any-sender/],
    [`orders:${KEY} x`, /^must consist of visible ASCII/],
    [{ key: KEY, name: 'No Name' }, /^has a name that must be a lowercase letter/],
    [{ key: KEY, tenant: 'a\u0000' }, /control characters/],
  ])('refuses %j with the reason and without its secret', (given, reason) => {
    expect(parsed(given)).toMatch(reason);
    expect(parsed(given)).not.toMatch(/hunter2|0001/);
  });

  it('is checked in the options, as a string or an object, each secret for one producer', () => {
    const problemsOf = (producerApiKeys: unknown): string => {
      try {
        resolveOptions({
          database: { url: 'postgres://localhost' },
          types: [],
          http: { identify: () => null, producerApiKeys: producerApiKeys as string[] },
        });
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(problemsOf([KEY, KEY, { key: `${KEY}2`, name: 'orders', scopes: ['any-sender'] }])).toBe('');
    expect(problemsOf([KEY, `orders:${KEY}`])).toMatch(
      /producerApiKeys\[1\]: has a key that is there before/,
    );
    expect(problemsOf([7])).toMatch(/producerApiKeys\[0\]: must be a string or an object, is a number/);
    expect(problemsOf([{ key: KEY, tennant: 'acme' }])).toMatch(
      /producerApiKeys\[0\]\.tennant: is not a known option \(tenant\?\)/,
    );
    expect(problemsOf([{ key: KEY, scopes: ['all'] }])).toMatch(/producerApiKeys\[0\]\.scopes/);
  });
});
