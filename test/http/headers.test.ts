import { describe, expect, it } from 'vitest';
import { preferred } from '../../src/http/accept.ts';
import { canonicalJson, fingerprint } from '../../src/http/canonical-json.ts';
import { attachment } from '../../src/http/content/disposition.ts';
import { isLoopback } from '../../src/http/loopback.ts';
import { uploadName } from '../../src/http/names.ts';
import { preferredWait } from '../../src/http/prefer.ts';

describe('Prefer', () => {
  it.each([
    [undefined, 0],
    ['wait=5', 5],
    ['respond-async, wait=10', 10],
    ['wait="7"; foo', 7],
    ['Wait = 3', 3],
    ['wait=600', 60],
    ['wait=0', 0],
    ['wait=-1', 0],
    ['wait=1.5', 0],
    ['wait=abc', 0],
    ['awaits=5', 0],
  ])('%j asks to wait %d seconds', (header, seconds) => {
    expect(preferredWait(header)).toBe(seconds);
  });
});

describe('Accept', () => {
  it.each([
    [undefined, 'json'],
    ['*/*', 'json'],
    ['a/csv', 'csv'],
    ['a/csv, */*', 'json'],
    ['a/csv, */*;q=0.1', 'csv'],
    ['a/csv;q=0.1, a/json', 'json'],
    ['a/csv, a/json', 'json'],
    ['a/json;q=0, a/*', 'csv'],
    ['b/html', 'json'],
    ['a/csv;q=x', 'json'],
  ])('%j prefers %s', (header, type) => {
    expect(preferred(header, 'a/json', 'a/csv')).toBe(`a/${type}`);
  });
});

describe('canonical JSON', () => {
  it('is the same whatever the order of fields, at any depth, and not of items', () => {
    const one = { b: [{ y: 1, x: 2 }], a: { d: null, c: 'ü' } };
    const other = { a: { c: 'ü', d: null }, b: [{ x: 2, y: 1 }] };
    expect(canonicalJson(one)).toBe('{"a":{"c":"ü","d":null},"b":[{"x":2,"y":1}]}');
    expect(fingerprint(one)).toBe(fingerprint(other));
    expect(fingerprint([1, 2])).not.toBe(fingerprint([2, 1]));
    expect(fingerprint({ a: 1 })).not.toBe(fingerprint({ a: '1' }));
  });
});

describe('loopback', () => {
  it.each(['127.0.0.1', '127.1.2.3', '::1', '[::1]', 'localhost', 'LocalHost'])('is %s', (host) => {
    expect(isLoopback(host)).toBe(true);
  });
  it.each(['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', 'localhost.example', 'example', '', '[::1', '127.1'])('is not %j', (host) => {
    expect(isLoopback(host)).toBe(false);
  });
});

describe('a name to save under', () => {
  it('is plain where it can be, and encoded beside a plain one where not', () => {
    expect(attachment('a-b_1.keras')).toBe('attachment; filename="a-b_1.keras"');
    expect(attachment('a"b\r\nc')).toBe(`attachment; filename="a_b_c"; filename*=UTF-8''a%22b%0D%0Ac`);
    expect(attachment("it's (1)*")).toBe(`attachment; filename="it_s_1_"; filename*=UTF-8''it%27s%20%281%29%2A`);
  });
});

describe('the name of an upload', () => {
  it.each([
    ['model.keras', 'model'],
    ['C:\\models\\my net.keras', 'my net'],
    ['../../etc/passwd', 'passwd'],
    ['train-images.idx3-ubyte.gz', 'train-images'],
    ['.keras', 'fallback'],
    ['', 'fallback'],
    [null, 'fallback'],
    ['a\u0000b.keras', 'ab'],
  ])('from the file %j is %s', (filename, name) => {
    expect(uploadName(undefined, filename, 'fallback')).toBe(name);
  });

  it('is the one given, unless that is none', () => {
    expect(uploadName('mine', 'file.keras', 'fallback')).toBe('mine');
    for (const bad of ['', 'x'.repeat(201), 'a\nb'])
      expect(() => uploadName(bad, null, 'fallback')).toThrow('A name has 1 to 200 characters');
  });
});
