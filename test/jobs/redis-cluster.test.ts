import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/config.ts';
import { clusterAddress } from '../../src/jobs/redis-cluster.ts';

describe('the address of a Redis Cluster', () => {
  it('names some nodes, and what all of them ask for', () => {
    expect(clusterAddress('redis+cluster://one.example:7000,10.0.0.2,[fd00::3]:7002')).toEqual({
      nodes: [
        { host: 'one.example', port: 7000 },
        { host: '10.0.0.2', port: 6379 },
        { host: 'fd00::3', port: 7002 },
      ],
      username: undefined,
      password: undefined,
      tls: false,
    });
    expect(clusterAddress('rediss+cluster://espalier:p%40ss@redis.example/')).toEqual({
      nodes: [{ host: 'redis.example', port: 6379 }],
      username: 'espalier',
      password: 'p@ss',
      tls: true,
    });
    expect(clusterAddress('redis+cluster://:secret@redis.example')).toMatchObject({ username: undefined, password: 'secret' });
  });

  it.each([
    'redis://redis.example',
    'redis+cluster://',
    'redis+cluster://a,,b',
    'redis+cluster://a:99999',
    'redis+cluster://a/0',
    '/redis.sock',
  ])('is not %s', (url) => {
    expect(clusterAddress(url)).toBeNull();
  });

  it('is what REDIS_URL may be, and TLS has its certificates', () => {
    const read = (url: string) => () => readConfig({ REDIS_URL: url });
    expect(read('rediss+cluster://a:1,b:2')().redisUrl).toBe('rediss+cluster://a:1,b:2');
    expect(read('redis+cluster://user:secret@a:1,')).toThrow("REDIS_URL is 'redis+cluster://***@a:1,'; it may be redis://");
    expect(() => readConfig({ REDIS_URL: 'redis+cluster://a', ESPALIER_REDIS_CA: '/ca.crt' })).toThrow(
      'ESPALIER_REDIS_CA is for a Redis with TLS',
    );
  });
});
