import { describe, expect, it } from '@jest/globals';
import { redisAddress, redisOptionsOf } from '../../src/platform/addresses.js';

describe('the address of Redis', () => {
  it('gives all nodes of a cluster one user and password', () => {
    expect(
      redisAddress({ url: null, nodes: ['rediss://ann:p%40ss@a', 'rediss://ann:p%40ss@[::1]:7000'] }),
    ).toEqual({
      nodes: [
        { host: 'a', port: 6379 },
        { host: '::1', port: 7000 },
      ],
      options: { dnsLookup: expect.any(Function) },
      redisOptions: { username: 'ann', password: 'p@ss', tls: {} },
    });
  });

  it('copies address and credentials of a Cluster, and nothing of its behaviour', () => {
    const connection = {
      isCluster: true,
      options: {
        natMap: {},
        scaleReads: 'slave',
        keyPrefix: 'shop:',
        redisOptions: { password: 'secret', keyPrefix: 'shop:', db: 0, commandTimeout: 5 },
      },
      startupNodes: [{ host: 'a', port: 6379, keyPrefix: 'shop:' }, 'redis://b', 7000],
    };
    expect(redisAddress({ url: null, connection })).toEqual({
      nodes: [{ host: 'a', port: 6379 }, 'redis://b', 7000],
      options: { natMap: {} },
      redisOptions: { password: 'secret' },
    });
  });

  it('takes several urls with commas between them for a cluster, and leaves commas in a password alone', () => {
    expect(redisOptionsOf('redis://a,redis://b:7000, redis://c')).toEqual({
      nodes: ['redis://a', 'redis://b:7000', 'redis://c'],
    });
    expect(redisOptionsOf('redis://:1,2,3@a')).toEqual({ url: 'redis://:1,2,3@a' });
  });
});
